import type { Entry, Payload } from "@d-engine/core";
import { assertNever } from "@d-engine/core";
import { membershipChangeSize, writeMembershipChange } from "./membership-change-encoder.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/**
 * `d_engine.common.Entry` and `EntryPayload`: the unit of the log on the wire and on the disk, so
 * the same bytes serve both. Throws `CodecError` for an index or term past 2^53 - 1, and what
 * `writeMembershipChange` throws.
 */

const indexTag = 0x08;
const termTag = 0x10;
const payloadTag = 0x1a;
const noopTag = 0x0a;
const commandTag = 0x12;
const configTag = 0x1a;

/** Exact encoded size in bytes. */
export function entrySize(entry: Entry): number {
  return (
    uintFieldSize(entry.index) +
    uintFieldSize(entry.term) +
    delimitedSize(payloadSize(entry.payload))
  );
}

/** Appends the `entrySize(entry)` bytes of one entry. */
export function writeEntry(writer: Writer, entry: Entry): void {
  writer.ensure(entrySize(entry));
  writeEntryFields(writer, entry);
}

/** As `writeEntry`, into room that is there already. */
export function writeEntryFields(writer: Writer, entry: Entry): void {
  writer.uint64Field(indexTag, entry.index, "Entry.index");
  writer.uint64Field(termTag, entry.term, "Entry.term");
  writer.byte(payloadTag);
  writer.varint(payloadSize(entry.payload));
  writePayloadFields(writer, entry.payload);
}

/** One entry in an array of its own. */
export function encodeEntry(entry: Entry): Uint8Array {
  const writer = new Writer(new Uint8Array(entrySize(entry)));
  writeEntryFields(writer, entry);
  return writer.finish();
}

/** Exact encoded size of a payload in bytes. */
export function payloadSize(payload: Payload): number {
  switch (payload.kind) {
    case "command":
      return delimitedSize(payload.command.length);
    case "noop":
      return noopSize;
    case "config":
      return delimitedSize(membershipChangeSize(payload.change));
    default:
      return assertNever(payload);
  }
}

const noopSize = 2;

/** One payload in an array of its own. */
export function encodePayload(payload: Payload): Uint8Array {
  const writer = new Writer(new Uint8Array(payloadSize(payload)));
  writePayloadFields(writer, payload);
  return writer.finish();
}

function writePayloadFields(writer: Writer, payload: Payload): void {
  switch (payload.kind) {
    case "command":
      writer.byte(commandTag);
      writer.varint(payload.command.length);
      writer.raw(payload.command);
      return;
    case "noop":
      writer.byte(noopTag);
      writer.byte(0);
      return;
    case "config":
      writer.byte(configTag);
      writer.varint(membershipChangeSize(payload.change));
      writeMembershipChange(writer, payload.change);
      return;
    default:
      assertNever(payload);
  }
}
