import type {
  AppendEntries,
  AppendEntriesResponse,
  AppendResult,
  Entry,
  LogId,
  LogIndex,
  MembershipChange,
  NodeId,
  NodeStatus,
  Payload,
  Term,
} from "@d-engine/core";
import fc from "fast-check";

/** Values of core's types, with the edges of varint lengths and of presence well represented. */

const varintEdges = [7, 14, 21, 28, 31, 32, 35, 42, 49, 53].flatMap((bits) => [
  2 ** bits - 2,
  2 ** bits - 1,
  ...(bits < 53 ? [2 ** bits, 2 ** bits + 1] : []),
]);

export const uint64 = fc.oneof(
  fc.constantFrom(0, 1, ...varintEdges),
  fc.nat({ max: 300 }),
  fc.maxSafeNat(),
);

const term = uint64 as fc.Arbitrary<Term>;
const logIndex = uint64 as fc.Arbitrary<LogIndex>;
const logId: fc.Arbitrary<LogId> = fc.record({ term, index: logIndex });

export const nodeId = fc.oneof(
  fc.constantFrom(...varintEdges.filter((edge) => edge < 2 ** 32)),
  fc.integer({ min: 1, max: 0xffff_ffff }),
) as fc.Arbitrary<NodeId>;

/** Empty ones, ones with a one-byte length and ones with a longer one. */
export const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc.uint8Array({ minLength: 120, maxLength: 300 }),
);

/** Well-formed Unicode of every plane, a byte order mark in front included. */
export const text = fc.oneof(
  fc.constantFrom("", "127.0.0.1:9081", "\ufeffhost:1", "\u{10ffff}\ud7ff\ue000\u07ff\u0800"),
  fc.string({ unit: "binary", maxLength: 60 }),
);

const nodeIds = fc.array(nodeId, { maxLength: 40 });
const status: fc.Arbitrary<NodeStatus | "unspecified"> = fc.constantFrom(
  "unspecified",
  "promotable",
  "readOnly",
  "active",
);

export const membershipChange: fc.Arbitrary<MembershipChange> = fc.oneof(
  fc.record({ kind: fc.constant("addNode" as const), nodeId, address: text, status }),
  fc.record({ kind: fc.constant("removeNode" as const), nodeId }),
  fc.record({ kind: fc.constant("promoteLearner" as const), nodeId, status }),
  fc.record({ kind: fc.constant("batchPromote" as const), nodeIds, status }),
  fc.record({ kind: fc.constant("batchRemove" as const), nodeIds }),
  fc.constant({ kind: "leaveJoint" as const }),
);

export const payload: fc.Arbitrary<Payload> = fc.oneof(
  fc.constant({ kind: "noop" as const }),
  fc.record({ kind: fc.constant("command" as const), command: bytes }),
  fc.record({ kind: fc.constant("config" as const), change: membershipChange }),
);

export const entry: fc.Arbitrary<Entry> = fc.record({ index: logIndex, term, payload });

export const appendEntries: fc.Arbitrary<AppendEntries> = fc.record({
  kind: fc.constant("appendEntries" as const),
  term,
  leaderId: nodeId,
  prev: logId,
  entries: fc.array(entry, { maxLength: 4 }),
  leaderCommit: logIndex,
  round: uint64,
});

const appendResult: fc.Arbitrary<AppendResult> = fc.oneof(
  fc.record({ kind: fc.constant("success" as const), lastMatch: logId }),
  fc.record({
    kind: fc.constant("conflict" as const),
    term: fc.option(term, { nil: undefined }),
    index: logIndex,
  }),
  fc.constant({ kind: "higherTerm" as const }),
);

export const appendEntriesResponse: fc.Arbitrary<AppendEntriesResponse> = fc.record({
  kind: fc.constant("appendEntriesResponse" as const),
  term,
  round: fc.option(uint64, { nil: undefined }),
  minElectionTimeoutMs: uint64,
  result: appendResult,
});
