import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/**
 * Whether bytes are a well-formed message of `schema` by the letter of the wire format: what the
 * generated code overlooks and the decoders must not. It reads known fields under any wire type,
 * lets a nested message run on into the message around it, cuts off lengths at 32 bits, and knows
 * no bound for the integers and the skipped varints.
 */
export function isWellFormed(schema: DescMessage, bytes: Uint8Array): boolean {
  try {
    walkMessage(schema, { bytes, position: 0 }, bytes.length);
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

class Malformed extends Error {}

interface Cursor {
  readonly bytes: Uint8Array;
  position: number;
}

function walkMessage(schema: DescMessage, cursor: Cursor, end: number): void {
  while (cursor.position < end) {
    const { number, wireType } = walkTag(cursor, end);
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field === undefined) walkUnknown(cursor, end, number, wireType);
    else walkKnown(field, cursor, end, wireType);
  }
}

function walkKnown(field: DescField, cursor: Cursor, end: number, wireType: number): void {
  if (field.message !== undefined) {
    require(wireType === 2);
    walkMessage(field.message, cursor, walkLength(cursor, end));
    return;
  }
  if (field.scalar === ScalarType.BYTES || field.scalar === ScalarType.STRING) {
    require(wireType === 2);
    cursor.position = walkLength(cursor, end);
    return;
  }
  if (field.fieldKind === "list" && wireType === 2) {
    const packedEnd = walkLength(cursor, end);
    while (cursor.position < packedEnd) walkVarint(cursor, packedEnd);
    return;
  }
  require(wireType === 0);
  const value = walkVarint(cursor, end);
  const wide = field.scalar === ScalarType.UINT64 || field.scalar === ScalarType.BOOL;
  if (wide) require(value <= BigInt(Number.MAX_SAFE_INTEGER));
}

function walkUnknown(cursor: Cursor, end: number, number: number, wireType: number): void {
  switch (wireType) {
    case 0:
      walkVarint(cursor, end);
      return;
    case 1:
      walkBytes(cursor, end, 8);
      return;
    case 2:
      cursor.position = walkLength(cursor, end);
      return;
    case 3:
      for (;;) {
        const inner = walkTag(cursor, end);
        if (inner.wireType !== 4) walkUnknown(cursor, end, inner.number, inner.wireType);
        else if (inner.number === number) return;
        else throw new Malformed();
      }
    case 5:
      walkBytes(cursor, end, 4);
      return;
    default:
      throw new Malformed();
  }
}

function walkTag(cursor: Cursor, end: number): { number: number; wireType: number } {
  const start = cursor.position;
  const tag = walkVarint(cursor, end);
  require(cursor.position - start <= 5 && tag < 2n ** 32n);
  const number = Number(tag >> 3n);
  const wireType = Number(tag & 7n);
  require(number > 0 && wireType <= 5);
  return { number, wireType };
}

/** The end of the length-delimited bytes that follow. */
function walkLength(cursor: Cursor, end: number): number {
  const length = walkVarint(cursor, end);
  require(BigInt(cursor.position) + length <= BigInt(end));
  return cursor.position + Number(length);
}

function walkBytes(cursor: Cursor, end: number, count: number): void {
  require(cursor.position + count <= end);
  cursor.position += count;
}

function walkVarint(cursor: Cursor, end: number): bigint {
  let value = 0n;
  for (let i = 0n; i < 10n; i++) {
    require(cursor.position < end);
    const byte = cursor.bytes[cursor.position++]!;
    value |= BigInt(byte & 0x7f) << (7n * i);
    if (byte < 0x80) return value;
  }
  throw new Malformed();
}

function require(condition: boolean): void {
  if (!condition) throw new Malformed();
}
