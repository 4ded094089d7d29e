import { tableCrc32 } from "../crc32.js";
import { parseBatchHeader } from "../format/batch-header.js";
import { SECTOR_BYTES } from "../format/log-format.js";

/** Offsets of the valid batches in a segment of whatever generation, in order. */
export function batchOffsets(content: Uint8Array): number[] {
  const offsets: number[] = [];
  for (let at = 0; at < content.length; at += SECTOR_BYTES) {
    if (parseBatchHeader(content, at, tableCrc32) !== undefined) offsets.push(at);
  }
  return offsets;
}
