import { CodecError } from "./codec-error.js";
import { identitySize, writeIdentity } from "./identity.js";
import type { Identity, KvCommand, SessionMark } from "./kv-command.js";
import { kvCommandSize, writeKvCommand } from "./kv-command-encoder.js";
import { Reader } from "./reader.js";
import { sessionMarkSize, writeSessionMark } from "./session-mark.js";
import type { Slab } from "./slab.js";
import { delimitedSize } from "./wire-type.js";
import { checkUint64, Writer } from "./writer.js";

/**
 * What a `WriteCommand` holds from field 100 up. All of it stands behind the contract's own
 * operation, so it is added to an encoded command without touching that: first the operation, then
 * the session, who writes, and the leader's stamp at the very end.
 */

/** A command of the store's own, as field 101. */
export function encodeKvWrite(slab: Slab, command: KvCommand, mark?: SessionMark): Uint8Array {
  const size = kvCommandSize(command);
  const markSize = mark === undefined ? 0 : sessionMarkSize(mark);
  const total = longTagSize(size) + (mark === undefined ? 0 : longTagSize(markSize));
  const writer = new Writer(slab.take(total));
  writer.varint(kvCommandTag);
  writer.varint(size);
  writeKvCommand(writer, command);
  if (mark !== undefined) writeMark(writer, mark);
  return writer.finish();
}

/** An encoded command without marks, copied, with the session that it belongs to. */
export function withSession(slab: Slab, command: Uint8Array, mark: SessionMark): Uint8Array {
  const size = command.length + longTagSize(sessionMarkSize(mark));
  const writer = new Writer(slab.take(size));
  writer.raw(command);
  writeMark(writer, mark);
  return writer.finish();
}

/** An encoded command without an identity and without a stamp, copied, with who writes it. */
export function withIdentity(slab: Slab, command: Uint8Array, identity: Identity): Uint8Array {
  const size = identitySize(identity);
  const writer = new Writer(slab.take(command.length + longTagSize(size)));
  writer.raw(command);
  writer.varint(identityTag);
  writer.varint(size);
  writeIdentity(writer, identity);
  return writer.finish();
}

/**
 * An encoded command without a stamp, copied, with the leader's stamp behind it. Throws
 * `CodecError` unless `stampMs` is an integer from 0 to 2^53 - 1; 0 is a time like any other.
 */
export function appendStamp(slab: Slab, command: Uint8Array, stampMs: number): Uint8Array {
  checkUint64(stampMs, "WriteCommand.stamp_ms");
  const stamped = slab.take(command.length + stampBytes);
  stamped.set(command);
  let at = command.length;
  stamped[at++] = (stampTag & 0x7f) | 0x80;
  stamped[at++] = stampTag >>> 7;
  putLittleEndian32(stamped, at, stampMs % 2 ** 32);
  putLittleEndian32(stamped, at + 4, Math.floor(stampMs / 2 ** 32));
  return stamped;
}

/**
 * The stamp at the end of an encoded command; `undefined` when there is none there, or when the
 * bytes are no command. Costs two comparisons for nearly everything that has no stamp. The bytes of
 * a value may look like a stamp: what looks like one is one only where a field of the command
 * itself begins, so then the fields before it are stepped over, unread.
 */
export function stampOf(command: Uint8Array): number | undefined {
  const from = command.length - stampBytes;
  if (from < 0 || command[from] !== 0xa1 || command[from + 1] !== 0x06) return undefined;
  const reader = new Reader(command);
  try {
    while (reader.position < from)
      reader.skipUnknown("WriteCommand", reader.tag("WriteCommand"), false);
    if (reader.position !== from) return undefined;
    reader.tag("WriteCommand");
    return reader.fixed64("WriteCommand.stamp_ms");
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}

/** Fields 100 to 103 as varints: two bytes each. */
export const stampTag = 801;
export const kvCommandTag = 810;
export const sessionTag = 818;
export const identityTag = 826;

const stampBytes = 10;

function longTagSize(length: number): number {
  return 1 + delimitedSize(length);
}

function writeMark(writer: Writer, mark: SessionMark): void {
  writer.varint(sessionTag);
  writer.varint(sessionMarkSize(mark));
  writeSessionMark(writer, mark);
}

function putLittleEndian32(target: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) target[at + i] = value >>> (8 * i);
}
