import {
  EngineError,
  logIndex,
  type MembershipChange,
  type NodeId,
  type NodeStatus,
  nodeId,
  term,
} from "@d-engine/core";
import {
  admin,
  cluster,
  common,
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@d-engine/proto";
import { parseHostPort } from "../endpoints.js";
import { engineCodeOfSessionNumber, leaderHintOf } from "../wire-errors.js";
import type { MembersChanged, NewMember, SnapshotInfo } from "./cluster-admin.js";

/** What a caller asks for, checked: the change that adds a member. */
export function additionOf({ id, address, status = "promotable" }: NewMember): MembershipChange {
  if (status !== "promotable" && status !== "readOnly") {
    const message = `a member is added as promotable or readOnly, got ${JSON.stringify(status)}`;
    throw new EngineError("INVALID_REQUEST", message);
  }
  const { text } = parseHostPort(address);
  return { kind: "addNode", nodeId: checkedId(id), address: text, status };
}

/** Removes one or several; several go together. */
export function removalOf(ids: number | readonly number[]): MembershipChange {
  const [first, ...more] = idsOf(ids);
  return more.length === 0
    ? { kind: "removeNode", nodeId: first }
    : { kind: "batchRemove", nodeIds: [first, ...more] };
}

/** Promotes one or several; several together. */
export function promotionOf(ids: number | readonly number[]): MembershipChange {
  const [first, ...more] = idsOf(ids);
  return more.length === 0
    ? { kind: "promoteLearner", nodeId: first, status: "active" }
    : { kind: "batchPromote", nodeIds: [first, ...more], status: "active" };
}

/** Throws `INVALID_REQUEST` for what is no node's id. */
export function checkedId(id: number): NodeId {
  try {
    return nodeId(id);
  } catch (cause) {
    throw new EngineError("INVALID_REQUEST", (cause as Error).message, { cause });
  }
}

export function encodeChange(change: MembershipChange, version: number | undefined): Uint8Array {
  const request = create(cluster.ClusterConfChangeRequestSchema, {
    version: BigInt(version ?? 0),
    change: wireChange(change),
  });
  if (version !== undefined) request.expectedVersion = BigInt(version);
  return toBinary(cluster.ClusterConfChangeRequestSchema, request);
}

/** @throws EngineError what the node refused the change with */
export function decodeChanged(body: Uint8Array): MembersChanged {
  const response = decode(cluster.ClusterConfUpdateResponseSchema, body);
  if (response.success) return { version: Number(response.version) };
  const code = engineCodeOfSessionNumber(response.code) ?? "INVALID_REQUEST";
  throw new EngineError(code, response.message || "the node refused without a reason", {
    leader: leaderHintOf(response.leaderId, response.leaderAddress),
  });
}

export function encodeTransfer(target: NodeId): Uint8Array {
  const request = create(admin.TransferLeadershipRequestSchema, { targetId: target });
  return toBinary(admin.TransferLeadershipRequestSchema, request);
}

export function encodeSnapshotRequest(eventual: boolean): Uint8Array {
  // Both requests for snapshots have the same one field.
  return toBinary(
    admin.SaveSnapshotRequestSchema,
    create(admin.SaveSnapshotRequestSchema, { eventual }),
  );
}

export function decodeSaved(body: Uint8Array): SnapshotInfo {
  return infoOf(decode(admin.SaveSnapshotResponseSchema, body).snapshot);
}

export function decodePiece(body: Uint8Array): admin.SnapshotPiece {
  return decode(admin.SnapshotPieceSchema, body);
}

export function infoOf(info: admin.SnapshotInfo | undefined): SnapshotInfo {
  const { lastIncluded } = info ?? {};
  if (info === undefined || lastIncluded === undefined) {
    throw new EngineError("INVALID_RESPONSE", "an answer names no snapshot");
  }
  return {
    lastIncluded: {
      term: term(Number(lastIncluded.term)),
      index: logIndex(Number(lastIncluded.index)),
    },
    checksum: Buffer.from(info.checksum).toString("hex"),
    bytes: Number(info.bytes),
  };
}

function idsOf(ids: number | readonly number[]): readonly [NodeId, ...NodeId[]] {
  const list = [...new Set(typeof ids === "number" ? [ids] : ids)].map(checkedId);
  const [first, ...more] = list;
  if (first !== undefined) return [first, ...more];
  throw new EngineError("INVALID_REQUEST", "name at least one member");
}

function wireChange(change: MembershipChange): common.MembershipChange {
  const schema = common.MembershipChangeSchema;
  switch (change.kind) {
    case "addNode": {
      const { nodeId, address, status } = change;
      const value = create(common.AddNodeSchema, { nodeId, address, status: STATUSES[status] });
      return create(schema, { change: { case: "addNode", value } });
    }
    case "removeNode": {
      const value = create(common.RemoveNodeSchema, { nodeId: change.nodeId });
      return create(schema, { change: { case: "removeNode", value } });
    }
    case "promoteLearner": {
      const { nodeId, status } = change;
      const value = create(common.PromoteLearnerSchema, { nodeId, status: STATUSES[status] });
      return create(schema, { change: { case: "promote", value } });
    }
    case "batchPromote": {
      const nodeIds = [...change.nodeIds];
      const newStatus = STATUSES[change.status];
      const value = create(common.BatchPromoteSchema, { nodeIds, newStatus });
      return create(schema, { change: { case: "batchPromote", value } });
    }
    case "batchRemove": {
      const value = create(common.BatchRemoveSchema, { nodeIds: [...change.nodeIds] });
      return create(schema, { change: { case: "batchRemove", value } });
    }
    case "leaveJoint":
      return create(schema);
  }
}

const STATUSES: Readonly<Record<NodeStatus | "unspecified", common.NodeStatus>> = {
  unspecified: common.NodeStatus.UNSPECIFIED,
  promotable: common.NodeStatus.PROMOTABLE,
  readOnly: common.NodeStatus.READ_ONLY,
  active: common.NodeStatus.ACTIVE,
};

function decode<Desc extends DescMessage>(schema: Desc, body: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, body);
  } catch (cause) {
    const message = `an answer of ${body.length} bytes is not a ${schema.typeName}`;
    throw new EngineError("INVALID_RESPONSE", message, { cause });
  }
}
