import {
  decodeAppendEntriesRequest,
  decodeAppendEntriesResponse,
  encodeAppendEntriesRequest,
  encodeAppendEntriesResponse,
} from "@d-engine/codec";
import {
  InvariantViolation,
  type Message,
  type NodeId,
  RaftNode,
  resolveRaftOptions,
} from "@d-engine/core";
import {
  decodeChunk,
  decodePreVote,
  decodePreVoteResponse,
  decodeReadIndex,
  decodeReadIndexResponse,
  decodeRequestVote,
  decodeRequestVoteResponse,
  decodeSnapshotResponse,
  decodeTimeoutNow,
  encodeChunk,
  encodePreVote,
  encodePreVoteResponse,
  encodeReadIndex,
  encodeReadIndexResponse,
  encodeRequestVote,
  encodeRequestVoteResponse,
  encodeSnapshotResponse,
  encodeTimeoutNow,
} from "@d-engine/server/internal";
import type { FuzzTarget } from "../target.js";
import { isPeerRefusal } from "./peers.js";

const two = 2 as NodeId;

/** What may come from another member, in the order of the first byte of a frame. */
const decoders: readonly ((bytes: Uint8Array) => Message)[] = [
  (bytes) => decodeAppendEntriesRequest(bytes),
  (bytes) => decodeAppendEntriesResponse(bytes).response,
  (bytes) => decodeRequestVote(bytes).message,
  decodeRequestVoteResponse,
  (bytes) => decodePreVote(bytes).message,
  decodePreVoteResponse,
  (bytes) => decodeTimeoutNow(bytes).message,
  (bytes) => decodeReadIndex(bytes).message,
  decodeReadIndexResponse,
  (bytes) => installOf(bytes),
  (bytes) => decodeSnapshotResponse(bytes, { term: 4, index: 3 } as never),
];

/** One chunk as the message that the receiving end makes of a call. */
function installOf(bytes: Uint8Array): Message {
  const { metadata, chunk, term, leaderId, totalChunks } = decodeChunk(bytes);
  if (metadata === undefined) throw new RangeError("the first chunk names no snapshot");
  return { kind: "installSnapshot", term, leaderId, totalChunks, ...metadata, chunks: [chunk] };
}

function frame(kind: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(kind, bytes.length >> 8, bytes.length & 0xff), bytes]);
}

function* messagesOf(input: Uint8Array): Generator<Message> {
  for (let at = 0; at + 3 <= input.length; ) {
    const [kind = 0, high = 0, low = 0] = input.subarray(at, at + 3);
    const bytes = input.subarray(at + 3, at + 3 + high * 256 + low);
    at += 3 + bytes.length;
    const decode = decoders[kind % decoders.length];
    try {
      if (decode !== undefined) yield decode(bytes);
    } catch (error) {
      if (!isPeerRefusal(error)) throw error;
    }
  }
}

/** A member of three with five entries of term 4, three of them committed. */
class Subject {
  readonly #node: RaftNode;
  #nowMs = 10_000;

  constructor() {
    const entry = (index: number) => ({
      index,
      term: 4,
      payload: { kind: "command", command: Uint8Array.of(index) },
    });
    const members = [1, 2, 3].map((id) => ({ id, address: `n:${id}`, status: "active" }));
    this.#node = new RaftNode({
      id: 1,
      options: resolveRaftOptions(),
      hardState: { term: 4, votedFor: undefined },
      base: { term: 0, index: 0 },
      last: { term: 4, index: 5 },
      termRuns: [{ term: 4, index: 1 }],
      tail: [1, 2, 3, 4, 5].map(entry),
      commitIndex: 3,
      appliedIndex: 0,
      configuration: { logId: { term: 0, index: 0 }, members, outgoingVoters: undefined },
      nowMs: this.#nowMs,
      random: { next: () => 0.5 },
      nonce: 7,
    } as never);
  }

  /** Makes it the leader of term 5. */
  lead(): this {
    this.#nowMs += 10_000;
    this.#step({ kind: "tick" });
    this.receive({ kind: "preVoteResponse", term: 4, campaignTerm: 5, granted: true } as never);
    const lastLog = { term: 4, index: 5 };
    this.receive({ kind: "requestVoteResponse", term: 5, granted: true, lastLog } as never);
    return this;
  }

  get leads(): boolean {
    return this.#node.status().role === "leader";
  }

  receive(message: Message): void {
    const { term, commitIndex } = this.#node;
    this.#step({ kind: "receive", from: two, message });
    this.#nowMs += 20;
    this.#step({ kind: "tick" });
    const node = this.#node;
    if (node.term < term || node.commitIndex < commitIndex || node.commitIndex > node.lastIndex) {
      throw new TypeError(
        `term ${term} → ${node.term}, commit ${commitIndex} → ${node.commitIndex}`,
      );
    }
    if (!Number.isSafeInteger(node.term + 2 ** 33)) throw new TypeError("no term is left");
  }

  #step(input: object): void {
    const { batch } = this.#node.step({ ...input, nowMs: this.#nowMs } as never);
    this.#node.step({ kind: "persisted", batch, nowMs: this.#nowMs });
  }
}

const zero = { term: 0, index: 0 };
const last = { term: 4, index: 5 };
const append = {
  kind: "appendEntries",
  term: 5,
  leaderId: 2,
  prev: last,
  entries: [{ index: 6, term: 5, payload: { kind: "noop" } }],
  leaderCommit: 6,
  round: 1,
};
const answer = { kind: "appendEntriesResponse", term: 5, round: 1, minElectionTimeoutMs: 1_000 };
const readId = { nonce: 7, sequence: 1 };

const valid: readonly Uint8Array[] = [
  frame(0, encodeAppendEntriesRequest(append as never)),
  frame(0, encodeAppendEntriesRequest({ ...append, prev: zero, entries: [] } as never)),
  ...[
    { kind: "success", lastMatch: { term: 5, index: 6 } },
    { kind: "conflict", term: 4, index: 2 },
    { kind: "higherTerm" },
  ].map((result) => frame(1, encodeAppendEntriesResponse(two, { ...answer, result } as never))),
  frame(
    2,
    encodeRequestVote(two, {
      kind: "requestVote",
      term: 6,
      lastLog: last,
      leadershipTransfer: true,
    } as never),
  ),
  frame(
    3,
    encodeRequestVoteResponse({
      kind: "requestVoteResponse",
      term: 5,
      granted: true,
      lastLog: last,
    } as never),
  ),
  frame(4, encodePreVote(two, { kind: "preVote", term: 6, lastLog: last } as never)),
  frame(
    5,
    encodePreVoteResponse({
      kind: "preVoteResponse",
      term: 6,
      campaignTerm: 6,
      granted: false,
    } as never),
  ),
  frame(6, encodeTimeoutNow(two, { kind: "timeoutNow", term: 5 } as never)),
  frame(7, encodeReadIndex(two, { kind: "readIndex", term: 5, id: readId } as never)),
  frame(
    8,
    encodeReadIndexResponse({ kind: "readIndexResponse", term: 5, id: readId, index: 6 } as never),
  ),
  frame(
    9,
    encodeChunk(
      { term: 5, leaderId: two, totalChunks: 2 } as never,
      { sequence: 0, crc32: 9, data: new Uint8Array(8) },
      {
        label: { lastIncluded: { term: 4, index: 3 }, checksum: new Uint8Array(32), bytes: 16 },
        chunkBytes: 8,
      } as never,
    ),
  ),
  frame(10, encodeSnapshotResponse({ term: 5, nextChunk: 1, installed: false } as never)),
];

const absurd = Number.MAX_SAFE_INTEGER;
const nowhere = { term: absurd, index: absurd };

/** Terms from which there is no next, positions that no log has. */
const beyond: readonly Uint8Array[] = [
  frame(0, encodeAppendEntriesRequest({ ...append, term: absurd, leaderCommit: absurd } as never)),
  frame(0, encodeAppendEntriesRequest({ ...append, prev: nowhere, entries: [] } as never)),
  frame(
    1,
    encodeAppendEntriesResponse(two, {
      ...answer,
      round: absurd,
      minElectionTimeoutMs: 2 ** 31,
      result: { kind: "success", lastMatch: { term: 5, index: absurd } },
    } as never),
  ),
  ...["requestVote", "preVote"].flatMap((kind) => {
    const message = { kind, term: absurd, lastLog: nowhere, leadershipTransfer: true } as never;
    return [frame(2, encodeRequestVote(two, message)), frame(4, encodePreVote(two, message))];
  }),
  frame(6, encodeTimeoutNow(two, { kind: "timeoutNow", term: absurd } as never)),
  frame(
    10,
    encodeSnapshotResponse({ term: absurd, nextChunk: 2 ** 32 - 1, installed: true } as never),
  ),
];

/**
 * A leader that contradicts what is committed: one of both has lost data, and this node stops. So it
 * does at a change of members that cannot be, like leaving a joint state that is none (rule R12).
 */
const contradiction = /at committed index|committed to|changes the members/;

/** Messages of a proved member, to a follower and to a leader. */
export const raftTarget: FuzzTarget = {
  name: "peers/raft",
  samples: () => [...valid, Buffer.concat(valid), Buffer.concat(valid.slice(0, 4))],
  first: beyond,
  run: (input) => {
    const leader = new Subject().lead();
    if (!leader.leads) throw new TypeError("the subject does not lead");
    for (const message of messagesOf(input)) leader.receive(message);
    const follower = new Subject();
    for (const message of messagesOf(input)) follower.receive(message);
  },
  isRefusal: (error) => error instanceof InvariantViolation && contradiction.test(error.message),
};
