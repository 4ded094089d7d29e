/**
 * The protobuf wire format, as far as the codecs need it. Every field begins with a tag, a varint
 * of `fieldNumber << 3 | wireType`; a varint holds 7 bits per byte, lowest first, with the high
 * bit set on all but the last byte, in at most 10 bytes.
 */
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH_DELIMITED = 2;
export const START_GROUP = 3;
export const END_GROUP = 4;
export const FIXED32 = 5;

export const varintBytesMax = 10;
export const uint32Max = 0xffff_ffff;

/** Nested messages and groups below one another, the same bound as the generated code has. */
export const depthMax = 100;

/** Bytes that `value` takes as a varint. For integers from 0 to 2^53 - 1. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  if (value < 0x1000_0000) return 4;
  if (value < 0x8_0000_0000) return 5;
  if (value < 0x400_0000_0000) return 6;
  if (value < 0x2_0000_0000_0000) return 7;
  return 8;
}

/** Bytes of an integer field with a one-byte tag (numbers 1 to 15); zero is left out. */
export function uintFieldSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Bytes of a length-delimited field with a one-byte tag, written even when it is empty. */
export function delimitedSize(length: number): number {
  return 1 + varintSize(length) + length;
}
