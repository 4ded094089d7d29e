import type { HardState, LogId, LogIndex, Term } from "@d-engine/core";
import { BatchBuilder } from "../format/batch-builder.js";
import { SECTOR_BYTES } from "../format/log-format.js";
import { dataCorruption } from "../storage-errors.js";
import type { BatchAppender } from "./batch-appender.js";
import type { LogMap } from "./log-map.js";
import type { SegmentPool } from "./segment-pool.js";

/** The newest complete snapshot of a data directory, as the log sees it. */
export interface CoveringSnapshot {
  readonly lastIncluded: LogId;
  /** Rejects with `DATA_CORRUPTION` when the file is not what was written. */
  verify(): Promise<void>;
}

interface RecoveredParts {
  readonly directory: string;
  readonly map: LogMap;
  readonly hardState: HardState | undefined;
  readonly appender: BatchAppender;
  readonly pool: SegmentPool;
}

/**
 * Lays the newest snapshot over a replayed log (rule R9), and gives the hard state that holds
 * then. A log with the snapshot's position in it stays as it is. Any other is reset to that
 * position, durably, before anything can be appended: what it holds was replaced by the snapshot
 * or ends before it, and must not come back (scenario 48).
 *
 * Throws `DATA_CORRUPTION` when entries are missing between the snapshot and the log. Nothing is
 * reset for a snapshot that cannot be read.
 */
export async function laySnapshot(
  parts: RecoveredParts,
  snapshot: CoveringSnapshot | undefined,
): Promise<HardState | undefined> {
  const { directory, map, appender, pool } = parts;
  refuseGap(directory, map.base, snapshot?.lastIncluded);
  if (snapshot === undefined || isInLog(map, snapshot.lastIncluded)) return parts.hardState;
  await snapshot.verify();
  const { lastIncluded } = snapshot;
  const hardState = withTerm(parts.hardState, lastIncluded.term);
  const builder = new BatchBuilder(SECTOR_BYTES, SECTOR_BYTES);
  if (hardState !== undefined) builder.addHardState(hardState);
  builder.addReset(lastIncluded);
  if (!map.current.hasRoomFor(builder.byteLength)) await pool.provide(map.current.ordinal + 1);
  await appender.append(builder, lastIncluded.index, pool);
  return hardState;
}

/** What `laySnapshot` asks of a log, and its twin in memory too. */
export interface Positions {
  readonly base: LogId;
  readonly last: LogId;
  readonly terms: { termAt(index: LogIndex): Term };
}

/** Whether the entry at `position` is the one that the log holds there, or begins behind. */
export function isInLog(log: Positions, position: LogId): boolean {
  const { index, term } = position;
  return index >= log.base.index && index <= log.last.index && log.terms.termAt(index) === term;
}

/** Throws `DATA_CORRUPTION` when the log begins behind what the newest snapshot holds. */
export function refuseGap(directory: string, base: LogId, covered: LogId | undefined): void {
  const to = covered?.index ?? 0;
  if (base.index <= to) return;
  const held = covered === undefined ? "there is no snapshot" : `the newest snapshot ends at ${to}`;
  throw dataCorruption(
    directory,
    0,
    `it begins with entry ${base.index + 1}, but ${held}: a snapshot file is missing`,
  );
}

/**
 * The leader's term may have reached the disk with its snapshot before it did as a hard state. A
 * node that has no vote on record in that term has given none.
 */
export function withTerm(hardState: HardState | undefined, term: Term): HardState | undefined {
  if ((hardState?.term ?? 0) >= term) return hardState;
  const minElectionTimeoutMs = hardState?.minElectionTimeoutMs ?? 0;
  return { term, votedFor: undefined, minElectionTimeoutMs };
}
