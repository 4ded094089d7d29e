import {
  type AppendEntries,
  type AppendEntriesResponse,
  type AppendResult,
  type BatchId,
  type Effects,
  type Entry,
  type InstallSnapshot,
  type InstallSnapshotResponse,
  type LogId,
  type LogIndex,
  type MembershipChange,
  NOOP,
  type NodeId,
  type NodeStatus,
  type PreVote,
  type PreVoteResponse,
  type RequestVote,
  type RequestVoteResponse,
  type Term,
} from "@d-engine/core";

/** A position written as tests read it best: `[term, index]`. */
export type Position = readonly [term: number, index: number];

export const id = (value: number): NodeId => value as NodeId;
export const at = (index: number): LogIndex => index as LogIndex;
export const inTerm = (term: number): Term => term as Term;
export const batch = (value: number): BatchId => value as BatchId;

export function logId([term, index]: Position): LogId {
  return { term: inTerm(term), index: at(index) };
}

/** A command entry whose bytes name its position, so that two entries differ when they should. */
export function entry([term, index]: Position, text = `${term}.${index}`): Entry {
  return { ...logId([term, index]), payload: { kind: "command", command: bytesOf(text) } };
}

export function noop([term, index]: Position): Entry {
  return { ...logId([term, index]), payload: NOOP };
}

/** An entry that changes the members. */
export function changeEntry([term, index]: Position, change: MembershipChange): Entry {
  return { ...logId([term, index]), payload: { kind: "config", change } };
}

/** Changes as tests read them best; several ids make a batch. */
export const change = {
  add: (n: number, status: NodeStatus | "unspecified" = "promotable"): MembershipChange => {
    return { kind: "addNode", nodeId: id(n), address: `n${n}`, status };
  },
  remove: (...ids: readonly number[]): MembershipChange => {
    if (ids.length === 1) return { kind: "removeNode", nodeId: id(ids[0]!) };
    return { kind: "batchRemove", nodeIds: ids.map(id) };
  },
  promote: (...ids: readonly number[]): MembershipChange => {
    if (ids.length === 1) return { kind: "promoteLearner", nodeId: id(ids[0]!), status: "active" };
    return { kind: "batchPromote", nodeIds: ids.map(id), status: "active" };
  },
  leave: { kind: "leaveJoint" } as MembershipChange,
};

/** Consecutive command entries from `first` on, one for each term. */
export function entries(first: number, terms: readonly number[]): Entry[] {
  return terms.map((term, offset) => entry([term, first + offset]));
}

/** ASCII only: tests need no more, and the core has no `TextEncoder`. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

export function appendEntries(fields: {
  readonly term: number;
  readonly from: number;
  readonly prev?: Position;
  readonly entries?: readonly Entry[];
  readonly commit?: number;
  readonly round?: number;
}): AppendEntries {
  return {
    kind: "appendEntries",
    term: inTerm(fields.term),
    leaderId: id(fields.from),
    prev: logId(fields.prev ?? [0, 0]),
    entries: fields.entries ?? [],
    leaderCommit: at(fields.commit ?? 0),
    round: fields.round ?? 1,
  };
}

export function appendAnswer(fields: {
  readonly term: number;
  readonly result: AppendResult;
  readonly round?: number | undefined;
  readonly promiseMs?: number;
}): AppendEntriesResponse {
  return {
    kind: "appendEntriesResponse",
    term: inTerm(fields.term),
    round: "round" in fields ? fields.round : 1,
    minElectionTimeoutMs: fields.promiseMs ?? 1000,
    result: fields.result,
  };
}

export function matched(position: Position): AppendResult {
  return { kind: "success", lastMatch: logId(position) };
}

export function conflict(index: number, term?: number): AppendResult {
  return { kind: "conflict", term: term as Term | undefined, index: at(index) };
}

export function requestVote(term: number, lastLog: Position, transfer = false): RequestVote {
  const fields = { lastLog: logId(lastLog), leadershipTransfer: transfer };
  return { kind: "requestVote", term: inTerm(term), ...fields };
}

export function voteAnswer(
  term: number,
  granted: boolean,
  lastLog: Position = [0, 0],
): RequestVoteResponse {
  return { kind: "requestVoteResponse", term: inTerm(term), granted, lastLog: logId(lastLog) };
}

export function preVote(term: number, lastLog: Position): PreVote {
  return { kind: "preVote", term: inTerm(term), lastLog: logId(lastLog) };
}

export function preVoteAnswer(fields: {
  readonly term: number;
  readonly campaignTerm: number;
  readonly granted: boolean;
}): PreVoteResponse {
  return {
    kind: "preVoteResponse",
    term: inTerm(fields.term),
    campaignTerm: inTerm(fields.campaignTerm),
    granted: fields.granted,
  };
}

/** `leader` and `from` are the same unless a test wants a lie. */
export function installSnapshot(fields: {
  readonly term: number;
  readonly from: number;
  readonly leader?: number;
  readonly label: Position;
  readonly totalChunks?: number;
  readonly chunkBytes?: number;
  /** Their sequence numbers. */
  readonly chunks?: readonly number[];
}): InstallSnapshot {
  const { label, totalChunks = 6, chunkBytes = 1, chunks = [0] } = fields;
  const data = Uint8Array.of(1);
  return {
    kind: "installSnapshot",
    term: inTerm(fields.term),
    leaderId: id(fields.leader ?? fields.from),
    label: { lastIncluded: logId(label), checksum: new Uint8Array(32), bytes: totalChunks },
    totalChunks,
    chunkBytes,
    chunks: chunks.map((sequence) => ({ sequence, crc32: 0, data })),
  };
}

export function wantsChunk(term: number, label: Position, next: number): InstallSnapshotResponse {
  const lastIncluded = logId(label);
  const about = { term: inTerm(term), lastIncluded, nextChunk: next, installed: false };
  return { kind: "installSnapshotResponse", ...about };
}

export function installed(term: number, label: Position): InstallSnapshotResponse {
  return { ...wantsChunk(term, label, 0), installed: true };
}

/** Effects that do nothing but what is given. */
export function effects(given: Partial<Effects>): Effects {
  return {
    batch: batch(0),
    hardState: undefined,
    append: [],
    resetLog: undefined,
    send: [],
    sendAfterPersist: [],
    apply: [],
    replies: [],
    readLog: [],
    snapshots: [],
    configuration: undefined,
    roleChange: undefined,
    ...given,
  };
}
