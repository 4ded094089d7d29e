import { EngineError } from "@d-engine/core";
import type { Crc32 } from "../crc32.js";
import {
  type BatchHeader,
  batchBytes,
  type Nonce,
  parseBatchHeader,
} from "../format/batch-header.js";
import { BATCH_HEADER_BYTES, FORMAT_VERSION, SECTOR_BYTES } from "../format/log-format.js";
import type { SegmentReader } from "./segment-reader.js";

/** A batch whose every byte was checked. */
export interface CheckedBatch {
  readonly header: BatchHeader;
  /** Header, payload and padding; a view of the reader's buffer. */
  readonly bytes: Uint8Array;
}

/** What must be in a batch's header. */
export interface ExpectedBatch {
  /** `undefined`: any, for the oldest segment, which nothing announces. */
  readonly nonce: Nonce | undefined;
  /** `undefined`: any. */
  readonly sequence: number | undefined;
}

/**
 * Reads and checks the batch at `offset`. `undefined` when what stands there is not the expected
 * batch, or is damaged. Throws `VERSION_MISMATCH` for the expected batch in a newer format.
 */
export async function readBatch(
  reader: SegmentReader,
  offset: number,
  limit: number,
  expected: ExpectedBatch,
  crc32: Crc32,
): Promise<CheckedBatch | undefined> {
  if (offset + SECTOR_BYTES > limit) return undefined;
  if (!reader.has(offset, SECTOR_BYTES)) await reader.load(offset, SECTOR_BYTES);
  const header = parseBatchHeader(reader.view(offset, BATCH_HEADER_BYTES), 0, crc32);
  if (header === undefined) return undefined;
  if (expected.nonce !== undefined && header.nonce !== expected.nonce) return undefined;
  if (expected.sequence !== undefined && header.sequence !== expected.sequence) return undefined;
  if (header.version > FORMAT_VERSION) throw newerFormat(reader.path, header.version);
  const length = batchBytes(header);
  if (offset + length > limit) return undefined;
  if (!reader.has(offset, length)) await reader.load(offset, length);
  const bytes = reader.view(offset, length);
  if (crc32(bytes.subarray(BATCH_HEADER_BYTES)) !== header.payloadCrc) return undefined;
  return { header, bytes };
}

/** Nothing is wrong with the data, and nothing of it was touched. */
export function newerFormat(path: string, version: number): EngineError {
  return new EngineError(
    "VERSION_MISMATCH",
    `${path} has format ${version}, this version reads up to ${FORMAT_VERSION}: ` +
      "start a newer d-engine on it; the data is unharmed",
  );
}
