import type { Crc32 } from "../crc32.js";
import { getUint32, getUint64, putUint32, putUint64 } from "./little-endian.js";
import { BATCH_HEADER_BYTES, FORMAT_VERSION, padToSector } from "./log-format.js";

/** Names one use of a segment file: 64 random bits. */
export type Nonce = bigint;

export type BatchKind = "segment" | "data" | "seal" | "roll";

export interface BatchHeader {
  readonly version: number;
  readonly kind: BatchKind;
  readonly nonce: Nonce;
  readonly sequence: number;
  readonly commitIndex: number;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
}

/** Bytes that a batch takes on the disk, header and padding included. */
export function batchBytes(header: BatchHeader): number {
  return padToSector(BATCH_HEADER_BYTES + header.payloadBytes);
}

/** What the caller of `sealBatch` decides; the rest follows from the payload. */
export type BatchStamp = Pick<BatchHeader, "kind" | "nonce" | "sequence" | "commitIndex">;

/**
 * Turns `bytes[0, end)`, a payload behind room for a header, into a batch: pads it, and writes the
 * header. `bytes` must reach to the padded end, which is returned.
 */
export function sealBatch(bytes: Uint8Array, end: number, stamp: BatchStamp, crc32: Crc32): number {
  const paddedEnd = padToSector(end);
  bytes.fill(0, end, paddedEnd);
  bytes.fill(0, 0, BATCH_HEADER_BYTES);
  putUint32(bytes, 0, magic);
  bytes[4] = FORMAT_VERSION;
  bytes[6] = kinds.indexOf(stamp.kind) + 1;
  putNonce(bytes, 8, stamp.nonce);
  putUint64(bytes, 16, stamp.sequence);
  putUint64(bytes, 24, stamp.commitIndex);
  putUint32(bytes, 32, end - BATCH_HEADER_BYTES);
  putUint32(bytes, 36, crc32(bytes.subarray(BATCH_HEADER_BYTES, paddedEnd)));
  putUint32(bytes, 60, crc32(bytes.subarray(0, headerCrcOffset)));
  return paddedEnd;
}

/** The header at `at`, or `undefined` when what stands there is none or is damaged. */
export function parseBatchHeader(
  bytes: Uint8Array,
  at: number,
  crc32: Crc32,
): BatchHeader | undefined {
  if (at + BATCH_HEADER_BYTES > bytes.length || getUint32(bytes, at) !== magic) return undefined;
  if (getUint32(bytes, at + 60) !== crc32(bytes.subarray(at, at + headerCrcOffset))) {
    return undefined;
  }
  const kind = kinds[bytes[at + 6]! - 1];
  const version = bytes[at + 4]! | (bytes[at + 5]! << 8);
  if (kind === undefined && version <= FORMAT_VERSION) return undefined;
  return {
    version,
    kind: kind ?? "data",
    nonce: nonceAt(bytes, at + 8),
    sequence: getUint64(bytes, at + 16),
    commitIndex: getUint64(bytes, at + 24),
    payloadBytes: getUint32(bytes, at + 32),
    payloadCrc: getUint32(bytes, at + 36),
  };
}

/** Whether the bytes at `at` carry this nonce where a header has it, valid or not. */
export function looksLikeBatch(bytes: Uint8Array, at: number, nonce: Nonce): boolean {
  return getUint32(bytes, at) === magic && nonceAt(bytes, at + 8) === nonce;
}

/** A nonce of eight random bytes. */
export function nonceAt(bytes: Uint8Array, at: number): Nonce {
  return (BigInt(getUint32(bytes, at + 4)) << 32n) | BigInt(getUint32(bytes, at));
}

export function putNonce(bytes: Uint8Array, at: number, nonce: Nonce): void {
  putUint32(bytes, at, Number(nonce & low32));
  putUint32(bytes, at + 4, Number(nonce >> 32n));
}

const kinds: readonly BatchKind[] = ["segment", "data", "seal", "roll"];
/** "DELW" */
const magic = 0x574c_4544;
const headerCrcOffset = 60;
const low32 = 0xffff_ffffn;
