import type {
  AppendEntries,
  AppendEntriesResponse,
  Entry,
  MembershipChange,
  NodeStatus,
  Payload,
} from "@d-engine/core";
import {
  client,
  common,
  create,
  type MessageInitShape,
  replication,
  toBinary,
} from "@d-engine/proto";
import { stringToKey, type WriteCommand } from "../src/index.js";
import { generatedKvCommand } from "./kv-generated.js";

/** Encodes core's values with the generated code: the reference for the hand-written encoders. */

type EntryInit = MessageInitShape<typeof common.EntrySchema>;
type PayloadInit = MessageInitShape<typeof common.EntryPayloadSchema>;
type ChangeInit = MessageInitShape<typeof common.MembershipChangeSchema>;
type ResponseInit = MessageInitShape<typeof replication.AppendEntriesResponseSchema>;
type CommandInit = MessageInitShape<typeof client.WriteCommandSchema>;

export function generatedEntry(entry: Entry): Uint8Array {
  return toBinary(common.EntrySchema, create(common.EntrySchema, entryInit(entry)));
}

export function generatedPayload(payload: Payload): Uint8Array {
  const message = create(common.EntryPayloadSchema, payloadInit(payload));
  return toBinary(common.EntryPayloadSchema, message);
}

export function generatedAppendEntriesRequest(request: AppendEntries): Uint8Array {
  const schema = replication.AppendEntriesRequestSchema;
  return toBinary(
    schema,
    create(schema, {
      term: BigInt(request.term),
      leaderId: request.leaderId,
      prevLogIndex: BigInt(request.prev.index),
      prevLogTerm: BigInt(request.prev.term),
      entries: request.entries.map(entryInit),
      leaderCommitIndex: BigInt(request.leaderCommit),
      round: BigInt(request.round),
    }),
  );
}

export function generatedAppendEntriesResponse(
  nodeId: number,
  response: AppendEntriesResponse,
): Uint8Array {
  const schema = replication.AppendEntriesResponseSchema;
  const init: ResponseInit = {
    nodeId,
    term: BigInt(response.term),
    result: resultInit(response),
    minElectionTimeoutMs: BigInt(response.minElectionTimeoutMs),
  };
  if (response.round !== undefined) init.round = BigInt(response.round);
  return toBinary(schema, create(schema, init));
}

/** Without a stamp, which is appended to the bytes of the rest. */
export function generatedWriteCommand(command: WriteCommand): Uint8Array {
  const init: CommandInit = { operation: operationInit(command) };
  if (command.mark !== undefined) {
    const { id, sequence, acknowledged } = command.mark;
    init.session = {
      id: BigInt(id),
      sequence: BigInt(sequence),
      acknowledged: BigInt(acknowledged),
    };
  }
  if (command.identity !== undefined) {
    const { user, epoch, local } = command.identity;
    init.identity = { user: stringToKey(user), epoch: BigInt(epoch), local };
  }
  return toBinary(client.WriteCommandSchema, create(client.WriteCommandSchema, init));
}

export const statusNumbers: Readonly<Record<NodeStatus | "unspecified", common.NodeStatus>> = {
  unspecified: common.NodeStatus.UNSPECIFIED,
  promotable: common.NodeStatus.PROMOTABLE,
  readOnly: common.NodeStatus.READ_ONLY,
  active: common.NodeStatus.ACTIVE,
};

function entryInit(entry: Entry): EntryInit {
  return {
    index: BigInt(entry.index),
    term: BigInt(entry.term),
    payload: payloadInit(entry.payload),
  };
}

function payloadInit(payload: Payload): PayloadInit {
  switch (payload.kind) {
    case "noop":
      return { payload: { case: "noop", value: {} } };
    case "command":
      return { payload: { case: "command", value: new Uint8Array(payload.command) } };
    case "config":
      return { payload: { case: "config", value: { change: changeInit(payload.change) } } };
  }
}

function changeInit(change: MembershipChange): NonNullable<ChangeInit["change"]> {
  switch (change.kind) {
    case "addNode": {
      const { nodeId, address } = change;
      return {
        case: "addNode",
        value: { nodeId, address, status: statusNumbers[change.status] },
      };
    }
    case "removeNode":
      return { case: "removeNode", value: { nodeId: change.nodeId } };
    case "promoteLearner": {
      const value = { nodeId: change.nodeId, status: statusNumbers[change.status] };
      return { case: "promote", value };
    }
    case "batchPromote": {
      const value = { nodeIds: [...change.nodeIds], newStatus: statusNumbers[change.status] };
      return { case: "batchPromote", value };
    }
    case "batchRemove":
      return { case: "batchRemove", value: { nodeIds: [...change.nodeIds] } };
    case "leaveJoint":
      return { case: undefined };
  }
}

function resultInit(response: AppendEntriesResponse): NonNullable<ResponseInit["result"]> {
  const result = response.result;
  switch (result.kind) {
    case "success": {
      const { term, index } = result.lastMatch;
      return {
        case: "success",
        value: { lastMatch: { term: BigInt(term), index: BigInt(index) } },
      };
    }
    case "conflict": {
      const value: MessageInitShape<typeof replication.ConflictResultSchema> = {
        conflictIndex: BigInt(result.index),
      };
      if (result.term !== undefined) value.conflictTerm = BigInt(result.term);
      return { case: "conflict", value };
    }
    case "higherTerm":
      return { case: "higherTerm", value: BigInt(response.term) };
  }
}

function operationInit(command: WriteCommand): NonNullable<CommandInit["operation"]> {
  switch (command.kind) {
    case "put": {
      const key = new Uint8Array(command.key);
      const ttlMs = BigInt(command.ttlMs);
      const value = new Uint8Array(command.value);
      return { case: "insert", value: { key, value, ttlSecs: (ttlMs + 999n) / 1000n, ttlMs } };
    }
    case "delete":
      return { case: "delete", value: { key: new Uint8Array(command.key) } };
    case "compareAndSwap": {
      const value: MessageInitShape<typeof client.WriteCommand_CompareAndSwapSchema> = {
        key: new Uint8Array(command.key),
        newValue: new Uint8Array(command.value),
      };
      if (command.expected !== undefined) value.expectedValue = new Uint8Array(command.expected);
      return { case: "compareAndSwap", value };
    }
    default:
      return { case: "kvCommand", value: new Uint8Array(generatedKvCommand(command)) };
  }
}
