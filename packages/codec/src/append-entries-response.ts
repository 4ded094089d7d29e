import type { AppendEntriesResponse, AppendResult, LogIndex, NodeId, Term } from "@d-engine/core";
import { assertNever } from "@d-engine/core";
import { Reader } from "./reader.js";
import { Writer } from "./writer.js";

/**
 * `d_engine.server.replication.AppendEntriesResponse`. Fields 100 and 101 are ours: the echoed
 * round (rule R4) and the answerer's minimum election timeout (rule R3).
 */

/** An answer with the node that gave it, which core learns from the connection instead. */
export interface AddressedAppendResponse {
  readonly nodeId: NodeId;
  readonly response: AppendEntriesResponse;
}

const message = "AppendEntriesResponse";
const nodeIdTag = 0x08;
const termTag = 0x10;
const successTag = 0x1a;
const conflictTag = 0x22;
const higherTermTag = 0x28;
const roundTag = 800;
const minElectionTimeoutTag = 808;

/** All fields at their longest, with room to spare; nothing in an answer is unbounded. */
const responseBytesMax = 96;

/** Throws `CodecError` for numbers out of range. */
export function encodeAppendEntriesResponse(
  nodeId: NodeId,
  response: AppendEntriesResponse,
): Uint8Array {
  const writer = new Writer(new Uint8Array(responseBytesMax));
  writer.nodeIdField(nodeIdTag, nodeId, `${message}.node_id`);
  writer.uint64Field(termTag, response.term, `${message}.term`);
  writeResult(writer, response);
  if (response.round !== undefined) {
    writer.presentUint64Field(roundTag, response.round, `${message}.round`);
  }
  writer.longTagUint64Field(
    minElectionTimeoutTag,
    response.minElectionTimeoutMs,
    `${message}.min_election_timeout_ms`,
  );
  return writer.finish();
}

function writeResult(writer: Writer, response: AppendEntriesResponse): void {
  const result = response.result;
  switch (result.kind) {
    case "success":
      writeNested(writer, successTag, result, writeSuccess);
      return;
    case "conflict":
      writeNested(writer, conflictTag, result, writeConflict);
      return;
    case "higherTerm":
      // A oneof is written even at zero.
      writer.presentUint64Field(higherTermTag, response.term, `${message}.higher_term`);
      return;
    default:
      assertNever(result);
  }
}

type Success = Extract<AppendResult, { readonly kind: "success" }>;
type Conflict = Extract<AppendResult, { readonly kind: "conflict" }>;

/** Every message in an answer is shorter than 128 bytes, so its length is one byte. */
function writeNested<T>(
  writer: Writer,
  tag: number,
  value: T,
  write: (writer: Writer, value: T) => void,
): void {
  writer.byte(tag);
  const lengthAt = writer.position++;
  write(writer, value);
  writer.bytes[lengthAt] = writer.position - lengthAt - 1;
}

function writeSuccess(writer: Writer, result: Success): void {
  writeNested(writer, 0x0a, result.lastMatch, (to, lastMatch) => {
    to.uint64Field(0x08, lastMatch.term, "SuccessResult.last_match.term");
    to.uint64Field(0x10, lastMatch.index, "SuccessResult.last_match.index");
  });
}

function writeConflict(writer: Writer, result: Conflict): void {
  if (result.term !== undefined) {
    writer.presentUint64Field(0x08, result.term, "ConflictResult.conflict_term");
  }
  writer.presentUint64Field(0x10, result.index, "ConflictResult.conflict_index");
}

/** The result while it is read: a second occurrence of the same kind is merged into the first. */
interface ResultDraft {
  kind: AppendResult["kind"] | undefined;
  matchTerm: number;
  matchIndex: number;
  conflictTerm: number | undefined;
  conflictIndex: number | undefined;
}

/**
 * Throws `CodecError` for malformed bytes, numbers past 2^53 - 1, node id 0, an answer without
 * result, and a conflict without index. A match that is left out is (0, 0) and claims nothing.
 */
export function decodeAppendEntriesResponse(bytes: Uint8Array): AddressedAppendResponse {
  const reader = new Reader(bytes);
  const draft: ResultDraft = {
    kind: undefined,
    matchTerm: 0,
    matchIndex: 0,
    conflictTerm: undefined,
    conflictIndex: undefined,
  };
  let nodeId = 0;
  let term = 0;
  let round: number | undefined;
  let minElectionTimeoutMs = 0;
  while (reader.hasMore()) {
    const tag = reader.tag(message);
    switch (tag) {
      case nodeIdTag:
        nodeId = reader.uint32(`${message}.node_id`);
        break;
      case termTag:
        term = reader.uint64(`${message}.term`);
        break;
      case successTag:
      case conflictTag:
        readNestedResult(reader, tag, draft);
        break;
      case higherTermTag:
        // The value repeats `term`, which is what core goes by.
        reader.uint64(`${message}.higher_term`);
        draft.kind = "higherTerm";
        break;
      case roundTag:
        round = reader.uint64(`${message}.round`);
        break;
      case minElectionTimeoutTag:
        minElectionTimeoutMs = reader.uint64(`${message}.min_election_timeout_ms`);
        break;
      default:
        reader.skipUnknown(message, tag, isKnownField(tag >>> 3));
    }
  }
  if (nodeId === 0) reader.fail(`${message}.node_id`, "node id 0; ids begin at 1");
  return {
    nodeId: nodeId as NodeId,
    response: {
      kind: "appendEntriesResponse",
      term: term as Term,
      round,
      minElectionTimeoutMs,
      result: finishResult(reader, draft),
    },
  };
}

function isKnownField(number: number): boolean {
  return number <= 5 || number === 100 || number === 101;
}

function readNestedResult(reader: Reader, tag: number, draft: ResultDraft): void {
  const outer = reader.enter(`${message}.result`);
  if (tag === successTag) {
    // Another member of the oneof in between makes the message begin anew.
    if (draft.kind !== "success") draft.matchTerm = draft.matchIndex = 0;
    draft.kind = "success";
    readSuccess(reader, draft);
  } else {
    if (draft.kind !== "conflict") draft.conflictTerm = draft.conflictIndex = undefined;
    draft.kind = "conflict";
    readConflict(reader, draft);
  }
  reader.leave(outer);
}

function readSuccess(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("SuccessResult");
    if (tag !== 0x0a) {
      reader.skipUnknown("SuccessResult", tag, tag >>> 3 === 1);
      continue;
    }
    const outer = reader.enter("SuccessResult.last_match");
    readLastMatch(reader, draft);
    reader.leave(outer);
  }
}

function readLastMatch(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("LogId");
    if (tag === 0x08) draft.matchTerm = reader.uint64("SuccessResult.last_match.term");
    else if (tag === 0x10) draft.matchIndex = reader.uint64("SuccessResult.last_match.index");
    else reader.skipUnknown("LogId", tag, tag >>> 3 <= 2);
  }
}

function readConflict(reader: Reader, draft: ResultDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag("ConflictResult");
    if (tag === 0x08) draft.conflictTerm = reader.uint64("ConflictResult.conflict_term");
    else if (tag === 0x10) draft.conflictIndex = reader.uint64("ConflictResult.conflict_index");
    else reader.skipUnknown("ConflictResult", tag, tag >>> 3 <= 2);
  }
}

function finishResult(reader: Reader, draft: ResultDraft): AppendResult {
  switch (draft.kind) {
    case "success": {
      const lastMatch = { term: draft.matchTerm as Term, index: draft.matchIndex as LogIndex };
      return { kind: "success", lastMatch };
    }
    case "conflict": {
      const { conflictTerm, conflictIndex } = draft;
      if (conflictIndex === undefined) reader.fail("ConflictResult.conflict_index", "missing");
      return {
        kind: "conflict",
        term: conflictTerm as Term | undefined,
        index: conflictIndex as LogIndex,
      };
    }
    case "higherTerm":
      return { kind: "higherTerm" };
    case undefined:
      return reader.fail(`${message}.result`, "missing");
    default:
      return assertNever(draft.kind);
  }
}
