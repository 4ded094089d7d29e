import { tableCrc32 } from "../crc32.js";
import { parseBatchHeader } from "../format/batch-header.js";
import { BATCH_HEADER_BYTES, SECTOR_BYTES } from "../format/log-format.js";
import { getSegmentRecord } from "../format/records.js";

/**
 * Offsets of the valid batches in a segment, in order. With `ordinal`, of that generation alone,
 * and none while the file holds a purged segment under its next name.
 */
export function batchOffsets(content: Uint8Array, ordinal?: number): number[] {
  const offsets: number[] = [];
  const first = parseBatchHeader(content, 0, tableCrc32);
  if (ordinal !== undefined) {
    if (first?.kind !== "segment") return offsets;
    if (getSegmentRecord(content, BATCH_HEADER_BYTES).ordinal !== ordinal) return offsets;
  }
  for (let at = 0; at < content.length; at += SECTOR_BYTES) {
    const header = parseBatchHeader(content, at, tableCrc32);
    if (header === undefined) continue;
    if (ordinal === undefined || header.nonce === first?.nonce) offsets.push(at);
  }
  return offsets;
}
