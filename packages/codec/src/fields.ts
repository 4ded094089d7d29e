import { delimitedSize } from "./wire-type.js";
import type { Writer } from "./writer.js";

/** Fields with a one-byte tag (numbers 1 to 15), as proto3 writes them: what is empty is left out. */

export function bytesFieldSize(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : delimitedSize(bytes.length);
}

export function writeBytesField(writer: Writer, tag: number, bytes: Uint8Array): void {
  if (bytes.length > 0) writeBytes(writer, tag, bytes);
}

/** For explicit presence: absent when `undefined`, written when empty. */
export function optionalBytesSize(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : delimitedSize(bytes.length);
}

export function writeOptionalBytes(
  writer: Writer,
  tag: number,
  bytes: Uint8Array | undefined,
): void {
  if (bytes !== undefined) writeBytes(writer, tag, bytes);
}

/** Written when empty too: an element of a list, or a member of a oneof. */
export function writeBytes(writer: Writer, tag: number, bytes: Uint8Array): void {
  writer.byte(tag);
  writer.varint(bytes.length);
  writer.raw(bytes);
}

export function flagSize(flag: boolean): number {
  return flag ? 2 : 0;
}

export function writeFlag(writer: Writer, tag: number, flag: boolean): void {
  if (!flag) return;
  writer.byte(tag);
  writer.byte(1);
}

/** Tag and length of a nested message of `size` bytes, which the caller writes next. */
export function writeHeader(writer: Writer, tag: number, size: number): void {
  writer.byte(tag);
  writer.varint(size);
}
