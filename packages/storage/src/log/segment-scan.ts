import type { Crc32 } from "../crc32.js";
import { type BatchHeader, type Nonce, parseBatchHeader } from "../format/batch-header.js";
import { BATCH_HEADER_BYTES, SECTOR_BYTES } from "../format/log-format.js";
import type { SegmentReader } from "./segment-reader.js";

/** A valid header found by a scan. */
export interface FoundBatch {
  readonly offset: number;
  readonly header: BatchHeader;
}

/**
 * Looks at every boundary from `from` to `to` for the header of a batch with a sequence number
 * above `sequence` and, unless that is `undefined`, this nonce. Finds the first, if any (rule R8).
 */
export async function findLaterBatch(
  reader: SegmentReader,
  range: { readonly from: number; readonly to: number },
  wanted: { readonly nonce: Nonce | undefined; readonly sequence: number },
  crc32: Crc32,
): Promise<FoundBatch | undefined> {
  for (let offset = range.from; offset + SECTOR_BYTES <= range.to; offset += SECTOR_BYTES) {
    if (!reader.has(offset, SECTOR_BYTES)) await reader.load(offset, SECTOR_BYTES);
    const header = parseBatchHeader(reader.view(offset, BATCH_HEADER_BYTES), 0, crc32);
    if (header === undefined || header.sequence <= wanted.sequence) continue;
    if (wanted.nonce === undefined || header.nonce === wanted.nonce) return { offset, header };
  }
  return undefined;
}
