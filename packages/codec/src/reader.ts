import { CodecError } from "./codec-error.js";
import type { Slab } from "./slab.js";
import {
  depthMax,
  END_GROUP,
  FIXED32,
  FIXED64,
  LENGTH_DELIMITED,
  START_GROUP,
  uint32Max,
  VARINT,
  varintBytesMax,
} from "./wire-type.js";

/**
 * Reads protobuf fields from a byte array. Never looks past `limit`, the end of the message that
 * is being read: what would cross it is a `CodecError`, also where bytes of an outer message
 * follow. Stricter than the generated code in that, in refusing a known field under a foreign
 * wire type, and in refusing integers past 2^53 - 1; otherwise both accept the same bytes.
 */
export class Reader {
  readonly bytes: Uint8Array;
  position = 0;
  limit: number;
  private readonly slab: Slab | undefined;
  private readonly origin: number;
  private depth = 1;

  /**
   * With a slab, byte fields are copied into it; without, they are views of `bytes`. `origin` is
   * where in a longer input `bytes` begin: errors count from the beginning of that.
   */
  constructor(bytes: Uint8Array, slab?: Slab, origin = 0) {
    this.bytes = bytes;
    this.limit = bytes.length;
    this.slab = slab;
    this.origin = origin;
  }

  /** Where in the input the next byte lies. */
  get offset(): number {
    return this.origin + this.position;
  }

  /** Whether the message being read has another field. */
  hasMore(): boolean {
    return this.position < this.limit;
  }

  /** The next tag, `fieldNumber << 3 | wireType`; at most 32 bits. */
  tag(message: string): number {
    if (this.position >= this.limit) this.fail(message, "ends where a field should begin");
    let tag = this.bytes[this.position]!;
    if (tag < 0x80) this.position++;
    else tag = this.longTag(message);
    if (tag < 8) this.fail(message, "field number 0");
    if ((tag & 7) > FIXED32) this.fail(message, `wire type ${tag & 7}`);
    return tag;
  }

  /** An integer from 0 to 2^53 - 1; greater ones are refused. */
  uint64(field: string): number {
    const bytes = this.bytes;
    const limit = this.limit;
    let position = this.position;
    let value = 0;
    let scale = 1;
    for (let count = 0; count < varintBytesMax; count++) {
      if (position >= limit) this.fail(field, "ends within a varint");
      const byte = bytes[position++]!;
      // Exact up to 2^53; beyond, rounding is monotone, so the comparison below still holds.
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) this.fail(field, "exceeds 2^53 - 1");
        this.position = position;
        return value;
      }
      scale *= 0x80;
    }
    return this.fail(field, `varint longer than ${varintBytesMax} bytes`);
  }

  /** A `bool`: whatever is not 0 is true. */
  flag(field: string): boolean {
    return this.uint64(field) !== 0;
  }

  /** A `fixed64` from 0 to 2^53 - 1; greater ones are refused. */
  fixed64(field: string): number {
    const rest = this.limit - this.position;
    if (rest < 8) this.fail(field, `8 bytes announced, ${rest} left`);
    const low = this.littleEndian32();
    const value = this.littleEndian32() * 2 ** 32 + low;
    // Rounding beyond 2^53 is monotone, as in `uint64`.
    if (value > Number.MAX_SAFE_INTEGER) this.fail(field, "exceeds 2^53 - 1");
    return value;
  }

  /** The low 32 bits of a varint, unsigned: what a 32-bit reader makes of a 64-bit field. */
  uint32(field: string): number {
    const bytes = this.bytes;
    const limit = this.limit;
    let position = this.position;
    let value = 0;
    for (let count = 0; count < varintBytesMax; count++) {
      if (position >= limit) this.fail(field, "ends within a varint");
      const byte = bytes[position++]!;
      if (count < 5) value |= (byte & 0x7f) << (7 * count);
      if (byte < 0x80) {
        this.position = position;
        return value >>> 0;
      }
    }
    return this.fail(field, `varint longer than ${varintBytesMax} bytes`);
  }

  /** The length of what follows, which lies within the message. */
  length(field: string): number {
    // At the limit, a byte that is no length by itself sends us to `uint64`, which says so.
    let length = this.position < this.limit ? this.bytes[this.position]! : 0x80;
    if (length < 0x80) this.position++;
    else length = this.uint64(field);
    const rest = this.limit - this.position;
    if (length > rest) this.fail(field, `${length} bytes announced, ${rest} left`);
    return length;
  }

  /** A byte field: a view of the input, or a copy in the slab. */
  byteField(field: string): Uint8Array {
    const length = this.length(field);
    const from = this.position;
    this.position = from + length;
    const view = this.bytes.subarray(from, from + length);
    return this.slab === undefined ? view : this.slab.copy(view);
  }

  /** Narrows `limit` to the nested message that follows. `leave` takes what this returns. */
  enter(field: string): number {
    const length = this.length(field);
    const outer = this.limit;
    this.limit = this.position + length;
    this.depth++;
    return outer;
  }

  leave(outerLimit: number): void {
    this.limit = outerLimit;
    this.depth--;
  }

  /** Skips a field of a number that `message` does not have; refuses one that it has. */
  skipUnknown(message: string, tag: number, isKnown: boolean): void {
    if (isKnown) this.fail(`${message} field ${tag >>> 3}`, `unexpected wire type ${tag & 7}`);
    this.skip(message, tag, depthMax - this.depth);
  }

  fail(field: string, reason: string): never {
    throw new CodecError(field, reason, this.offset);
  }

  private littleEndian32(): number {
    let value = 0;
    for (let shift = 0; shift < 32; shift += 8) value |= this.bytes[this.position++]! << shift;
    return value >>> 0;
  }

  private longTag(message: string): number {
    const start = this.position;
    const tag = this.uint64(message);
    // Five bytes at most, also where leading zeros would make the value small.
    if (this.position - start > 5 || tag > uint32Max) this.fail(message, "tag exceeds 32 bits");
    return tag;
  }

  private skip(message: string, tag: number, groupsLeft: number): void {
    switch (tag & 7) {
      case VARINT:
        this.uint32(message);
        return;
      case FIXED64:
        this.advance(message, 8);
        return;
      case FIXED32:
        this.advance(message, 4);
        return;
      case LENGTH_DELIMITED:
        this.advance(message, this.length(message));
        return;
      case START_GROUP:
        this.skipGroup(message, tag >>> 3, groupsLeft);
        return;
      default:
        this.fail(message, `end of group ${tag >>> 3} without its start`);
    }
  }

  private skipGroup(message: string, fieldNumber: number, groupsLeft: number): void {
    if (groupsLeft <= 0) this.fail(message, `nested deeper than ${depthMax}`);
    for (;;) {
      const tag = this.tag(message);
      if ((tag & 7) !== END_GROUP) {
        this.skip(message, tag, groupsLeft - 1);
        continue;
      }
      if (tag >>> 3 === fieldNumber) return;
      this.fail(message, `group ${fieldNumber} ended as group ${tag >>> 3}`);
    }
  }

  private advance(message: string, count: number): void {
    const rest = this.limit - this.position;
    if (count > rest) this.fail(message, `${count} bytes announced, ${rest} left`);
    this.position += count;
  }
}
