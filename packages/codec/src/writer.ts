import { invariant } from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import { uint32Max } from "./wire-type.js";

/**
 * Appends encoded fields to a byte array. Space is asked for once per message with `ensure`; the
 * methods below it do not check, so that a message costs one comparison and not one per byte.
 *
 * Owns `bytes` until the caller takes them; growing replaces the array and copies what is written.
 */
export class Writer {
  bytes: Uint8Array;
  /** Where the next byte goes. Callers may set it back to reuse the array. */
  position = 0;

  constructor(bytes: Uint8Array = new Uint8Array(initialBytes)) {
    this.bytes = bytes;
  }

  /** Makes room for `count` more bytes. */
  ensure(count: number): void {
    const needed = this.position + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.position));
    this.bytes = grown;
  }

  /** One byte; also a tag of the field numbers 1 to 15. */
  byte(value: number): void {
    this.bytes[this.position++] = value;
  }

  /** An integer from 0 to 2^53 - 1, which the caller has checked. */
  varint(value: number): void {
    const bytes = this.bytes;
    let position = this.position;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      // Bit operations would cut this off at 32 bits.
      bytes[position++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    while (rest > 0x7f) {
      bytes[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[position++] = rest;
    this.position = position;
  }

  /** Bytes as they are. */
  raw(source: Uint8Array): void {
    this.bytes.set(source, this.position);
    this.position += source.length;
  }

  /**
   * A 64-bit field with a one-byte tag; zero is left out, as proto3 does. Throws `CodecError` for
   * anything but an integer from 0 to 2^53 - 1.
   */
  uint64Field(tag: number, value: number, field: string): void {
    checkUint64(value, field);
    if (value === 0) return;
    this.byte(tag);
    this.varint(value);
  }

  /** As `uint64Field`, with a tag of any length, and written at zero too: for explicit presence. */
  presentUint64Field(tag: number, value: number, field: string): void {
    checkUint64(value, field);
    this.varint(tag);
    this.varint(value);
  }

  /** As `uint64Field`, with a tag of any length. */
  longTagUint64Field(tag: number, value: number, field: string): void {
    if (value !== 0) this.presentUint64Field(tag, value, field);
  }

  /** A node id with a one-byte tag. Throws `CodecError` outside 1 to 2^32 - 1. */
  nodeIdField(tag: number, id: number, field: string): void {
    checkNodeId(id, field);
    this.byte(tag);
    this.varint(id);
  }

  /** What was written, as a view. */
  finish(): Uint8Array {
    invariant(
      this.position <= this.bytes.length,
      () => `wrote ${this.position} bytes into ${this.bytes.length}`,
    );
    if (this.position === this.bytes.length) return this.bytes;
    return this.bytes.subarray(0, this.position);
  }
}

const initialBytes = 1024;

export function checkUint64(value: number, field: string): void {
  if (Number.isSafeInteger(value) && value >= 0) return;
  throw new CodecError(field, `${value} is not an integer from 0 to 2^53 - 1`);
}

export function checkNodeId(id: number, field: string): void {
  if (Number.isInteger(id) && id >= 1 && id <= uint32Max) return;
  throw new CodecError(field, `${id} is not a node id, an integer from 1 to 2^32 - 1`);
}
