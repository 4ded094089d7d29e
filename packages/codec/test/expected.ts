import type {
  AppendEntries,
  AppendResult,
  Entry,
  LogIndex,
  MembershipChange,
  NodeId,
  NodeStatus,
  Payload,
  Term,
} from "@d-engine/core";
import type { client, common, replication } from "@d-engine/proto";
import {
  type AddressedAppendResponse,
  type DecodedWriteCommand,
  type Identity,
  keyToString,
  type SessionMark,
} from "../src/index.js";
import { statusNumbers } from "./generated.js";
import { expectedKvCommand } from "./kv-expected.js";

/**
 * What the decoders must make of a message that the generated code has read, as far as the rules
 * let them accept it: slow, obvious, and written without a look at the decoders.
 */

export type Refusal = "CodecError" | "UnknownChangeError";

/** Thrown where the rules refuse what protobuf accepts. */
export class ExpectedRefusal extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal);
    this.refusal = refusal;
  }
}

export function expectedEntry(entry: common.Entry): Entry {
  const payload = entry.payload ?? refuse("CodecError");
  return {
    index: safe(entry.index) as LogIndex,
    term: safe(entry.term) as Term,
    payload: expectedPayload(payload),
  };
}

export function expectedPayload({ payload }: common.EntryPayload): Payload {
  switch (payload.case) {
    case "noop":
      return { kind: "noop" };
    case "command":
      return { kind: "command", command: payload.value };
    case "config":
      return { kind: "config", change: expectedChange(payload.value) };
    case undefined:
      return refuse("CodecError");
  }
}

export function expectedAppendEntriesRequest(
  request: replication.AppendEntriesRequest,
): AppendEntries {
  return {
    kind: "appendEntries",
    term: safe(request.term) as Term,
    leaderId: knownNode(request.leaderId),
    prev: {
      term: safe(request.prevLogTerm) as Term,
      index: safe(request.prevLogIndex) as LogIndex,
    },
    entries: request.entries.map(expectedEntry),
    leaderCommit: safe(request.leaderCommitIndex) as LogIndex,
    round: safe(request.round),
  };
}

export function expectedAppendEntriesResponse(
  response: replication.AppendEntriesResponse,
): AddressedAppendResponse {
  return {
    nodeId: knownNode(response.nodeId),
    response: {
      kind: "appendEntriesResponse",
      term: safe(response.term) as Term,
      round: response.round === undefined ? undefined : safe(response.round),
      minElectionTimeoutMs: safe(response.minElectionTimeoutMs),
      result: expectedResult(response),
    },
  };
}

export function expectedWriteCommand(message: client.WriteCommand): DecodedWriteCommand {
  const operation = expectedWriteOperation(message);
  if (operation.kind === "none") return operation;
  const { stampMs, session, identity } = message;
  return {
    ...operation,
    // One of 0 that was sent cannot be told from none here.
    ...(stampMs === 0n ? {} : { stampMs: safe(stampMs) }),
    ...(session === undefined ? {} : { mark: expectedMark(session) }),
    ...(identity === undefined ? {} : { identity: expectedIdentity(identity) }),
  } as DecodedWriteCommand;
}

function expectedIdentity({ user, epoch, local }: client.Identity): Identity {
  return { user: keyToString(user), epoch: safe(epoch), local };
}

function expectedMark({ id, sequence, acknowledged }: client.SessionMark): SessionMark {
  return { id: safe(id), sequence: safe(sequence), acknowledged: safe(acknowledged) };
}

function expectedWriteOperation({ operation }: client.WriteCommand): DecodedWriteCommand {
  switch (operation.case) {
    case "insert": {
      const { key, value, ttlSecs, ttlMs } = operation.value;
      return { kind: "put", key, value, ttlMs: safe(ttlMs === 0n ? ttlSecs * 1000n : ttlMs) };
    }
    case "delete":
      return { kind: "delete", key: operation.value.key };
    case "compareAndSwap": {
      const { key, expectedValue, newValue } = operation.value;
      return { kind: "compareAndSwap", key, expected: expectedValue, value: newValue };
    }
    case "kvCommand":
      try {
        return expectedKvCommand(operation.value);
      } catch {
        return refuse("CodecError");
      }
    case undefined:
      return { kind: "none" };
  }
}

function expectedChange(message: common.MembershipChange): MembershipChange {
  if (message.$unknown !== undefined) return refuse("UnknownChangeError");
  const { change } = message;
  if (change.case === undefined) return { kind: "leaveJoint" };
  if (change.value.$unknown !== undefined) return refuse("UnknownChangeError");
  switch (change.case) {
    case "addNode": {
      const nodeId = knownNode(change.value.nodeId);
      const address = change.value.address;
      return { kind: "addNode", nodeId, address, status: knownStatus(change.value.status) };
    }
    case "removeNode":
      return { kind: "removeNode", nodeId: knownNode(change.value.nodeId) };
    case "promote": {
      const nodeId = knownNode(change.value.nodeId);
      return { kind: "promoteLearner", nodeId, status: knownStatus(change.value.status) };
    }
    case "batchPromote": {
      const nodeIds = change.value.nodeIds.map(knownNode);
      return { kind: "batchPromote", nodeIds, status: knownStatus(change.value.newStatus) };
    }
    case "batchRemove":
      return { kind: "batchRemove", nodeIds: change.value.nodeIds.map(knownNode) };
  }
}

function expectedResult({ result }: replication.AppendEntriesResponse): AppendResult {
  switch (result.case) {
    case "success": {
      const term = safe(result.value.lastMatch?.term ?? 0n) as Term;
      const index = safe(result.value.lastMatch?.index ?? 0n) as LogIndex;
      return { kind: "success", lastMatch: { term, index } };
    }
    case "conflict": {
      const { conflictTerm, conflictIndex } = result.value;
      if (conflictIndex === undefined) return refuse("CodecError");
      const term = conflictTerm === undefined ? undefined : (safe(conflictTerm) as Term);
      return { kind: "conflict", term, index: safe(conflictIndex) as LogIndex };
    }
    case "higherTerm":
      return { kind: "higherTerm" };
    case undefined:
      return refuse("CodecError");
  }
}

function refuse(refusal: Refusal): never {
  throw new ExpectedRefusal(refusal);
}

function safe(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? refuse("CodecError") : Number(value);
}

function knownNode(id: number): NodeId {
  return id === 0 ? refuse("CodecError") : (id as NodeId);
}

function knownStatus(number: number): NodeStatus | "unspecified" {
  for (const [status, known] of Object.entries(statusNumbers)) {
    if (known === number) return status as NodeStatus | "unspecified";
  }
  return refuse("UnknownChangeError");
}
