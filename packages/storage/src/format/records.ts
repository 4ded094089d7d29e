import type { HardState, LogId, LogIndex, NodeId, Term } from "@d-engine/core";
import { type Nonce, nonceAt, putNonce } from "./batch-header.js";
import {
  getFloat64,
  getUint32,
  getUint64,
  putFloat64,
  putUint32,
  putUint64,
} from "./little-endian.js";
import { FORMAT_VERSION } from "./log-format.js";

/** What the first batch of a segment says; layout in `log-format.ts`. */
export interface SegmentRecord {
  readonly version: number;
  readonly ordinal: number;
  readonly nextNonce: Nonce;
  readonly segmentBytes: number;
  /** The last entry before this segment. */
  readonly position: LogId;
  readonly hardState: HardState | undefined;
}

/** The head of a run of entries of one term; the entries follow it. */
export interface RunHead {
  readonly first: LogIndex;
  readonly count: number;
  readonly term: Term;
  /** Term of the entry before the run. */
  readonly previousTerm: Term;
  /** Bytes of the entries, their lengths included. */
  readonly byteLength: number;
}

export const SEGMENT_RECORD_BYTES = 80;
export const HARD_STATE_RECORD_BYTES = 24;
export const RUN_HEAD_BYTES = 40;
export const RESET_RECORD_BYTES = 24;
export const ENTRY_LENGTH_BYTES = 4;
export const HARD_STATE_RECORD = 1;
export const RUN_RECORD = 2;
export const RESET_RECORD = 3;

export function putSegmentRecord(bytes: Uint8Array, at: number, record: SegmentRecord): void {
  bytes.fill(0, at, at + SEGMENT_RECORD_BYTES);
  putUint32(bytes, at, record.version);
  putUint64(bytes, at + 8, record.ordinal);
  putNonce(bytes, at + 16, record.nextNonce);
  putUint64(bytes, at + 24, record.segmentBytes);
  putUint64(bytes, at + 32, record.position.index);
  putUint64(bytes, at + 40, record.position.term);
  if (record.hardState === undefined) return;
  putUint32(bytes, at + 4, hasHardState);
  putUint64(bytes, at + 48, record.hardState.term);
  putUint32(bytes, at + 56, record.hardState.votedFor ?? 0);
  putFloat64(bytes, at + 64, record.hardState.minElectionTimeoutMs);
}

export function getSegmentRecord(bytes: Uint8Array, at: number): SegmentRecord {
  return {
    version: getUint32(bytes, at),
    ordinal: getUint64(bytes, at + 8),
    nextNonce: nonceAt(bytes, at + 16),
    segmentBytes: getUint64(bytes, at + 24),
    position: {
      index: getUint64(bytes, at + 32) as LogIndex,
      term: getUint64(bytes, at + 40) as Term,
    },
    hardState:
      getUint32(bytes, at + 4) === hasHardState
        ? hardState(
            getUint64(bytes, at + 48),
            getUint32(bytes, at + 56),
            getFloat64(bytes, at + 64),
          )
        : undefined,
  };
}

export function putHardState(bytes: Uint8Array, at: number, state: HardState): void {
  putUint32(bytes, at, HARD_STATE_RECORD);
  putUint32(bytes, at + 4, state.votedFor ?? 0);
  putUint64(bytes, at + 8, state.term);
  putFloat64(bytes, at + 16, state.minElectionTimeoutMs);
}

export function getHardState(bytes: Uint8Array, at: number): HardState {
  return hardState(getUint64(bytes, at + 8), getUint32(bytes, at + 4), getFloat64(bytes, at + 16));
}

export function putRunHead(bytes: Uint8Array, at: number, head: RunHead): void {
  putUint32(bytes, at, RUN_RECORD);
  putUint32(bytes, at + 4, head.count);
  putUint64(bytes, at + 8, head.first);
  putUint64(bytes, at + 16, head.term);
  putUint64(bytes, at + 24, head.previousTerm);
  putUint32(bytes, at + 32, head.byteLength);
  putUint32(bytes, at + 36, 0);
}

export function getRunHead(bytes: Uint8Array, at: number): RunHead {
  return {
    count: getUint32(bytes, at + 4),
    first: getUint64(bytes, at + 8) as LogIndex,
    term: getUint64(bytes, at + 16) as Term,
    previousTerm: getUint64(bytes, at + 24) as Term,
    byteLength: getUint32(bytes, at + 32),
  };
}

/** A reset of the log to `base`. */
export function putReset(bytes: Uint8Array, at: number, base: LogId): void {
  putUint32(bytes, at, RESET_RECORD);
  putUint32(bytes, at + 4, 0);
  putUint64(bytes, at + 8, base.index);
  putUint64(bytes, at + 16, base.term);
}

export function getReset(bytes: Uint8Array, at: number): LogId {
  return {
    index: getUint64(bytes, at + 8) as LogIndex,
    term: getUint64(bytes, at + 16) as Term,
  };
}

/** A record of this version's segments. */
export function segmentRecord(fields: Omit<SegmentRecord, "version">): SegmentRecord {
  return { version: FORMAT_VERSION, ...fields };
}

function hardState(term: number, votedFor: number, minElectionTimeoutMs: number): HardState {
  return {
    term: term as Term,
    votedFor: votedFor === 0 ? undefined : (votedFor as NodeId),
    minElectionTimeoutMs,
  };
}

const hasHardState = 1;
