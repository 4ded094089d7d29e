import type { AppendEntries, LogIndex, NodeId, Term } from "@d-engine/core";
import { type EntryDraft, finishEntry, readEntryDraft } from "./entry-decoder.js";
import { entrySize, writeEntryFields } from "./entry-encoder.js";
import { Reader } from "./reader.js";
import type { Slab } from "./slab.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/**
 * `d_engine.server.replication.AppendEntriesRequest`, which carries core's `AppendEntries`.
 * Field 100 is ours: the round that the answer echoes (rule R4).
 */

const message = "AppendEntriesRequest";
const termTag = 0x08;
const leaderIdTag = 0x10;
const prevIndexTag = 0x18;
const prevTermTag = 0x20;
const entriesTag = 0x2a;
const leaderCommitTag = 0x30;
const roundTag = 800;

/** Exact encoded size in bytes. */
export function appendEntriesRequestSize(request: AppendEntries): number {
  let size =
    uintFieldSize(request.term) +
    uintFieldSize(request.leaderId) +
    uintFieldSize(request.prev.index) +
    uintFieldSize(request.prev.term) +
    uintFieldSize(request.leaderCommit);
  // Tags from field number 16 up take two bytes.
  if (request.round !== 0) size += 1 + uintFieldSize(request.round);
  for (const entry of request.entries) size += delimitedSize(entrySize(entry));
  return size;
}

/** Throws `CodecError` for numbers out of range, and what `writeEntry` throws. */
export function encodeAppendEntriesRequest(request: AppendEntries): Uint8Array {
  const writer = new Writer(new Uint8Array(appendEntriesRequestSize(request)));
  writer.uint64Field(termTag, request.term, `${message}.term`);
  writer.nodeIdField(leaderIdTag, request.leaderId, `${message}.leader_id`);
  writer.uint64Field(prevIndexTag, request.prev.index, `${message}.prev_log_index`);
  writer.uint64Field(prevTermTag, request.prev.term, `${message}.prev_log_term`);
  for (const entry of request.entries) {
    writer.byte(entriesTag);
    writer.varint(entrySize(entry));
    writeEntryFields(writer, entry);
  }
  writer.uint64Field(leaderCommitTag, request.leaderCommit, `${message}.leader_commit_index`);
  writer.longTagUint64Field(roundTag, request.round, `${message}.round`);
  return writer.finish();
}

/**
 * Throws `CodecError` for malformed bytes, numbers past 2^53 - 1, leader id 0 or an entry without
 * payload, and `UnknownChangeError` as `decodeEntry` does. Commands are views of `bytes`, or
 * copies in `slab`.
 */
export function decodeAppendEntriesRequest(bytes: Uint8Array, slab?: Slab): AppendEntries {
  const reader = new Reader(bytes, slab);
  const drafts: EntryDraft[] = [];
  let term = 0;
  let leaderId = 0;
  let prevIndex = 0;
  let prevTerm = 0;
  let leaderCommit = 0;
  let round = 0;
  while (reader.hasMore()) {
    const tag = reader.tag(message);
    switch (tag) {
      case termTag:
        term = reader.uint64(`${message}.term`);
        break;
      case leaderIdTag:
        leaderId = reader.uint32(`${message}.leader_id`);
        break;
      case prevIndexTag:
        prevIndex = reader.uint64(`${message}.prev_log_index`);
        break;
      case prevTermTag:
        prevTerm = reader.uint64(`${message}.prev_log_term`);
        break;
      case entriesTag: {
        const outer = reader.enter(`${message}.entries`);
        drafts.push(readEntryDraft(reader));
        reader.leave(outer);
        break;
      }
      case leaderCommitTag:
        leaderCommit = reader.uint64(`${message}.leader_commit_index`);
        break;
      case roundTag:
        round = reader.uint64(`${message}.round`);
        break;
      default:
        reader.skipUnknown(message, tag, tag >>> 3 <= 6 || tag >>> 3 === 100);
    }
  }
  if (leaderId === 0) reader.fail(`${message}.leader_id`, "node id 0; ids begin at 1");
  return {
    kind: "appendEntries",
    term: term as Term,
    leaderId: leaderId as NodeId,
    prev: { term: prevTerm as Term, index: prevIndex as LogIndex },
    entries: drafts.map((draft) => finishEntry(reader, draft)),
    leaderCommit: leaderCommit as LogIndex,
    round,
  };
}
