import { invariant } from "@d-engine/core";

const twoPow32 = 0x1_0000_0000;

export function putUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function getUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}

/** A 64-bit field that holds an integer from 0 to 2^53 - 1. */
export function putUint64(bytes: Uint8Array, at: number, value: number): void {
  invariant(
    Number.isSafeInteger(value) && value >= 0,
    () => `${value} does not fit a 64-bit field of the log`,
  );
  putUint32(bytes, at, value >>> 0);
  putUint32(bytes, at + 4, Math.floor(value / twoPow32));
}

/** May exceed 2^53 - 1, and is then not exact; callers compare or range-check. */
export function getUint64(bytes: Uint8Array, at: number): number {
  return getUint32(bytes, at + 4) * twoPow32 + getUint32(bytes, at);
}

export function putFloat64(bytes: Uint8Array, at: number, value: number): void {
  viewOf(bytes).setFloat64(at, value, true);
}

export function getFloat64(bytes: Uint8Array, at: number): number {
  return viewOf(bytes).getFloat64(at, true);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
