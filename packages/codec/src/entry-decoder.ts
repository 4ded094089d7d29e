import type { CommandPayload, Entry, LogIndex, NoopPayload, Payload, Term } from "@d-engine/core";
import { NOOP } from "@d-engine/core";
import {
  type ChangeDraft,
  finishMembershipChange,
  newChangeDraft,
  readMembershipChange,
} from "./membership-change-decoder.js";
import { Reader } from "./reader.js";
import type { Slab } from "./slab.js";

/**
 * Reads `d_engine.common.Entry`. The command is a view of `bytes`, or a copy in `slab`. Throws
 * `CodecError` for malformed bytes, an index or term past 2^53 - 1 or an entry without a payload;
 * `UnknownChangeError` for a membership change that this version cannot read (rule R12).
 */
export function decodeEntry(bytes: Uint8Array, slab?: Slab): Entry {
  return readEntry(new Reader(bytes, slab));
}

/** As `decodeEntry`, up to the reader's limit. */
export function readEntry(reader: Reader): Entry {
  return finishEntry(reader, readEntryDraft(reader));
}

/** An entry of which only the wire format was checked so far. */
export interface EntryDraft {
  readonly index: LogIndex;
  readonly term: Term;
  readonly payload: PayloadDraft | undefined;
}

/**
 * The first half of `readEntry`. A message with several entries is read as a whole before any of
 * them is finished: a change that must stop the node has to come from an intact message.
 */
export function readEntryDraft(reader: Reader): EntryDraft {
  let index = 0;
  let term = 0;
  let payload: PayloadDraft | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag("Entry");
    switch (tag) {
      case 0x08:
        index = reader.uint64("Entry.index");
        break;
      case 0x10:
        term = reader.uint64("Entry.term");
        break;
      case 0x1a: {
        const outer = reader.enter("Entry.payload");
        payload = readPayloadDraft(reader, payload);
        reader.leave(outer);
        break;
      }
      default:
        reader.skipUnknown("Entry", tag, tag >>> 3 <= 3);
    }
  }
  return { index: index as LogIndex, term: term as Term, payload };
}

/** The second half of `readEntry`. */
export function finishEntry(reader: Reader, draft: EntryDraft): Entry {
  const payload = finishPayload(reader, draft.payload, "Entry");
  // Everything but a change is finished as it was read, and the draft is the entry.
  if (payload === draft.payload) return draft as Entry;
  return { index: draft.index, term: draft.term, payload };
}

/** Reads `d_engine.common.EntryPayload`; otherwise as `decodeEntry`. */
export function decodePayload(bytes: Uint8Array, slab?: Slab): Payload {
  const reader = new Reader(bytes, slab);
  return finishPayload(reader, readPayloadDraft(reader, undefined), "EntryPayload");
}

/** A payload while it is read: a second occurrence is merged into the first. */
type PayloadDraft = NoopPayload | CommandPayload | ChangeDraft;

function readPayloadDraft(
  reader: Reader,
  before: PayloadDraft | undefined,
): PayloadDraft | undefined {
  let draft = before;
  while (reader.hasMore()) {
    const tag = reader.tag("EntryPayload");
    switch (tag) {
      case 0x0a: {
        const outer = reader.enter("EntryPayload.noop");
        while (reader.hasMore()) reader.skipUnknown("Noop", reader.tag("Noop"), false);
        reader.leave(outer);
        draft = NOOP;
        break;
      }
      case 0x12:
        draft = { kind: "command", command: reader.byteField("EntryPayload.command") };
        break;
      case 0x1a: {
        const change = draft?.kind === "configDraft" ? draft : newChangeDraft();
        const outer = reader.enter("EntryPayload.config");
        readMembershipChange(reader, change);
        reader.leave(outer);
        draft = change;
        break;
      }
      default:
        reader.skipUnknown("EntryPayload", tag, tag >>> 3 <= 3);
    }
  }
  return draft;
}

function finishPayload(reader: Reader, draft: PayloadDraft | undefined, message: string): Payload {
  if (draft === undefined) reader.fail(message, "no payload that this version knows");
  if (draft.kind !== "configDraft") return draft;
  return { kind: "config", change: finishMembershipChange(draft) };
}
