import type { HardState } from "@d-engine/core";
import type { LogChange } from "../format/batch-builder.js";
import { getUint32 } from "../format/little-endian.js";
import { BATCH_HEADER_BYTES } from "../format/log-format.js";
import {
  getHardState,
  getReset,
  getRunHead,
  HARD_STATE_RECORD,
  HARD_STATE_RECORD_BYTES,
  RESET_RECORD,
  RESET_RECORD_BYTES,
  RUN_HEAD_BYTES,
  RUN_RECORD,
} from "../format/records.js";

export interface DataRecords {
  /** In the order in which they take effect. */
  readonly changes: readonly LogChange[];
  readonly hardState: HardState | undefined;
}

/**
 * What a data batch says, entries not decoded. `undefined` when its records do not fill the
 * payload exactly: its checksum was right, so whoever wrote it had a bug.
 */
export function readDataRecords(batch: Uint8Array, payloadBytes: number): DataRecords | undefined {
  const end = BATCH_HEADER_BYTES + payloadBytes;
  const changes: LogChange[] = [];
  let hardState: HardState | undefined;
  let at = BATCH_HEADER_BYTES;
  while (at < end) {
    const kind = getUint32(batch, at);
    if (kind === HARD_STATE_RECORD && at + HARD_STATE_RECORD_BYTES <= end) {
      hardState = getHardState(batch, at);
      at += HARD_STATE_RECORD_BYTES;
    } else if (kind === RUN_RECORD && at + RUN_HEAD_BYTES <= end) {
      const head = getRunHead(batch, at);
      if (head.count === 0) return undefined;
      changes.push({ kind: "run", run: { ...head, offset: at } });
      at += RUN_HEAD_BYTES + head.byteLength;
    } else if (kind === RESET_RECORD && at + RESET_RECORD_BYTES <= end) {
      changes.push({ kind: "reset", base: getReset(batch, at) });
      at += RESET_RECORD_BYTES;
    } else {
      return undefined;
    }
  }
  return at === end ? { changes, hardState } : undefined;
}
