import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";

/**
 * Whether bytes are a well-formed message of `schema` by the letter of the wire format: what the
 * generated code overlooks and the decoders must not. It reads known fields under any wire type,
 * lets a nested message run on into the message around it, cuts off lengths at 32 bits, and knows
 * no bound for the integers and the skipped varints.
 */
export function isWellFormed(schema: DescMessage, bytes: Uint8Array): boolean {
  try {
    walkMessage(schema, newCursor(bytes), bytes.length);
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

/** How often something occurs in well-formed bytes, at any depth, in what is overwritten too. */
export interface Oddities {
  unknownFields: number;
  /** Values of an enum, the last ones of their message. */
  unknownNumbers: number;
  /** Messages that have a oneof and none of its members. */
  emptyOneofs: number;
}

export function oddities(schema: DescMessage, bytes: Uint8Array): Oddities {
  const cursor = newCursor(bytes);
  walkMessage(schema, cursor, bytes.length);
  return cursor;
}

class Malformed extends Error {}

interface Cursor extends Oddities {
  readonly bytes: Uint8Array;
  position: number;
}

function newCursor(bytes: Uint8Array): Cursor {
  return { bytes, position: 0, unknownFields: 0, unknownNumbers: 0, emptyOneofs: 0 };
}

function walkMessage(schema: DescMessage, cursor: Cursor, end: number): void {
  const enums = new Map<DescField, number>();
  let hasMember = schema.oneofs.length === 0;
  while (cursor.position < end) {
    const { number, wireType } = walkTag(cursor, end);
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field === undefined) {
      cursor.unknownFields++;
      walkUnknown(cursor, end, number, wireType);
      continue;
    }
    if (field.oneof !== undefined) hasMember = true;
    if (field.enum !== undefined) {
      const ahead = { ...cursor };
      enums.set(field, Number(walkVarint(ahead, end) & 0xffff_ffffn));
    }
    walkKnown(field, cursor, end, wireType);
  }
  if (!hasMember) cursor.emptyOneofs++;
  for (const [field, value] of enums) {
    if (field.enum?.values.every(({ number }) => number !== value)) cursor.unknownNumbers++;
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
    while (cursor.position < packedEnd) walkNumber(field, cursor, packedEnd);
    return;
  }
  if (field.scalar === ScalarType.FIXED64) {
    require(wireType === 1);
    walkBytes(cursor, end, 8);
    const view = new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset + cursor.position - 8);
    require(view.getBigUint64(0, true) <= BigInt(Number.MAX_SAFE_INTEGER));
    return;
  }
  require(wireType === 0);
  walkNumber(field, cursor, end);
}

function walkNumber(field: DescField, cursor: Cursor, end: number): void {
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
