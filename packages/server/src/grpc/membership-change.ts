import {
  EngineError,
  type MembershipChange,
  type NodeId,
  type NodeStatus,
  nodeId,
} from "@d-engine/core";
import { common } from "@d-engine/proto";

/** @throws EngineError `INVALID_REQUEST` for an id or a status that is none */
export function changeOf({ change }: common.MembershipChange): MembershipChange {
  switch (change.case) {
    case "addNode": {
      const { nodeId: id, address, status } = change.value;
      return { kind: "addNode", nodeId: idOf(id), address, status: statusOf(status) };
    }
    case "removeNode":
      return { kind: "removeNode", nodeId: idOf(change.value.nodeId) };
    case "promote": {
      const { nodeId: id, status } = change.value;
      return { kind: "promoteLearner", nodeId: idOf(id), status: statusOf(status) };
    }
    case "batchPromote": {
      const { nodeIds, newStatus } = change.value;
      return { kind: "batchPromote", nodeIds: nodeIds.map(idOf), status: statusOf(newStatus) };
    }
    case "batchRemove":
      return { kind: "batchRemove", nodeIds: change.value.nodeIds.map(idOf) };
    default:
      throw new EngineError(
        "INVALID_REQUEST",
        "the request changes nothing: set add_node, remove_node, promote, batch_promote or " +
          "batch_remove; a joint configuration is left by its leader alone",
      );
  }
}

/** @throws EngineError `INVALID_REQUEST` for a number that no node can have */
export function idOf(id: number): NodeId {
  if (id !== 0) return nodeId(id);
  throw new EngineError("INVALID_REQUEST", "node id 0; ids begin at 1");
}

/** @throws EngineError `INVALID_REQUEST` for a status of another version */
export function statusOf(status: common.NodeStatus): NodeStatus | "unspecified" {
  const known = statuses.get(status);
  if (known !== undefined) return known;
  throw new EngineError("INVALID_REQUEST", `status ${status} is none that this version knows`);
}

const statuses: ReadonlyMap<common.NodeStatus, NodeStatus | "unspecified"> = new Map([
  [common.NodeStatus.UNSPECIFIED, "unspecified"],
  [common.NodeStatus.PROMOTABLE, "promotable"],
  [common.NodeStatus.READ_ONLY, "readOnly"],
  [common.NodeStatus.ACTIVE, "active"],
] as const);
