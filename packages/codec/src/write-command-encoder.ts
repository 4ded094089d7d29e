import type { Slab } from "./slab.js";
import { delimitedSize, uintFieldSize, varintSize } from "./wire-type.js";
import type { WriteCommand } from "./write-command.js";
import { appendStamp, encodeKvWrite, withIdentity, withSession } from "./write-marks.js";
import { checkUint64 } from "./writer.js";

/**
 * Encoders of `d_engine.client.WriteCommand`. Each writes one command into a slab and returns it;
 * the bytes passed in are copied. Every acknowledged write passes here once, so they are written
 * out by hand instead of going through `Writer`.
 */

/** Throws `CodecError` unless `ttlMs` is an integer from 0 to 2^53 - 1; 0 is for ever. */
export function encodePut(slab: Slab, key: Uint8Array, value: Uint8Array, ttlMs = 0): Uint8Array {
  if (ttlMs !== 0) return encodeExpiringPut(slab, key, value, ttlMs);
  const size = bytesFieldSize(key) + bytesFieldSize(value);
  const target = slab.take(delimitedSize(size));
  let at = putHeader(target, insertTag, size);
  at = putBytesField(target, at, 0x0a, key);
  putBytesField(target, at, 0x12, value);
  return target;
}

export function encodeDelete(slab: Slab, key: Uint8Array): Uint8Array {
  const size = bytesFieldSize(key);
  const target = slab.take(delimitedSize(size));
  putBytesField(target, putHeader(target, deleteTag, size), 0x0a, key);
  return target;
}

/** With `expected` undefined, the key must not exist; an empty `expected` is an empty value. */
export function encodeCompareAndSwap(
  slab: Slab,
  key: Uint8Array,
  expected: Uint8Array | undefined,
  value: Uint8Array,
): Uint8Array {
  const expectedSize = expected === undefined ? 0 : delimitedSize(expected.length);
  const size = bytesFieldSize(key) + expectedSize + bytesFieldSize(value);
  const target = slab.take(delimitedSize(size));
  let at = putHeader(target, compareAndSwapTag, size);
  at = putBytesField(target, at, 0x0a, key);
  if (expected !== undefined) at = putBytes(target, at, 0x12, expected);
  putBytesField(target, at, 0x1a, value);
  return target;
}

/** Any command; the same bytes as the encoder of its kind makes, then its marks. */
export function encodeWriteCommand(slab: Slab, command: WriteCommand): Uint8Array {
  const { stampMs, mark, identity } = command;
  let encoded = encodeOperation(slab, command);
  if (mark !== undefined) encoded = withSession(slab, encoded, mark);
  if (identity !== undefined) encoded = withIdentity(slab, encoded, identity);
  return stampMs === undefined ? encoded : appendStamp(slab, encoded, stampMs);
}

function encodeOperation(slab: Slab, command: WriteCommand): Uint8Array {
  switch (command.kind) {
    case "put":
      return encodePut(slab, command.key, command.value, command.ttlMs);
    case "delete":
      return encodeDelete(slab, command.key);
    case "compareAndSwap":
      return encodeCompareAndSwap(slab, command.key, command.expected, command.value);
    default:
      return encodeKvWrite(slab, command);
  }
}

const insertTag = 0x0a;
const deleteTag = 0x12;
const compareAndSwapTag = 0x1a;

/** Field 100 as a varint: two bytes. */
const ttlMsTag = 800;

/** Both fields are written, seconds rounded up, for readers that know only those (rule R15). */
function encodeExpiringPut(
  slab: Slab,
  key: Uint8Array,
  value: Uint8Array,
  ttlMs: number,
): Uint8Array {
  checkUint64(ttlMs, "WriteCommand.Insert.ttl_ms");
  // Exact up to 2^53 - 1: a thousandth is still more than half a unit in the quotient's last place.
  const ttlSecs = Math.ceil(ttlMs / 1000);
  const size =
    bytesFieldSize(key) + bytesFieldSize(value) + uintFieldSize(ttlSecs) + 2 + varintSize(ttlMs);
  const target = slab.take(delimitedSize(size));
  let at = putHeader(target, insertTag, size);
  at = putBytesField(target, at, 0x0a, key);
  at = putBytesField(target, at, 0x12, value);
  target[at++] = 0x18;
  at = putVarint(target, at, ttlSecs);
  at = putVarint(target, at, ttlMsTag);
  putVarint(target, at, ttlMs);
  return target;
}

/** An empty byte field without presence is left out. */
function bytesFieldSize(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : delimitedSize(bytes.length);
}

function putHeader(target: Uint8Array, tag: number, size: number): number {
  target[0] = tag;
  return putVarint(target, 1, size);
}

function putBytesField(target: Uint8Array, at: number, tag: number, bytes: Uint8Array): number {
  return bytes.length === 0 ? at : putBytes(target, at, tag, bytes);
}

function putBytes(target: Uint8Array, at: number, tag: number, bytes: Uint8Array): number {
  target[at] = tag;
  const start = putVarint(target, at + 1, bytes.length);
  const length = bytes.length;
  if (length > copyByHandMax) {
    target.set(bytes, start);
  } else {
    for (let i = 0; i < length; i++) target[start + i] = bytes[i]!;
  }
  return start + length;
}

/** Up to here a loop beats the fixed cost of a call to `set`. */
const copyByHandMax = 24;

function putVarint(target: Uint8Array, from: number, value: number): number {
  let at = from;
  let rest = value;
  while (rest > 0x7fff_ffff) {
    // Bit operations would cut this off at 32 bits.
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}
