import { parseHostPort, sessionNumberOf } from "@d-engine/client";
import {
  EngineError,
  type EngineErrorCode,
  isEngineError,
  type LogIndex,
  logIndex,
  type MembershipChange,
  type NodeId,
  type NodeStatus,
  nodeId,
} from "@d-engine/core";
import { cluster, common, create, toBinary } from "@d-engine/proto";
import type { AdminNode } from "../../admin/admin-node.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";

/**
 * Changes the members, on the leader. A change that had no effect is an answer with its reason;
 * one whose outcome is open ends with a status, as a write does.
 */
export function updateClusterConf(node: LocalNode, admin: AdminNode): UnaryHandler {
  return async (bytes, { caller, signal, timeoutMs }) => {
    node.auth.checkRoot(caller, "change the members");
    const request = decodeRequest(cluster.ClusterConfChangeRequestSchema, bytes);
    try {
      checkTerm(Number(request.term), node);
      const { logId } = await admin.changeMembership(changeOf(request.change), {
        version: versionOf(request),
        signal,
        timeoutMs,
      });
      return { body: answer(node, { version: BigInt(logId.index), success: true }) };
    } catch (error) {
      if (!isEngineError(error) || error.outcome === "unknown") throw error;
      return { body: refusal(node, error), leader: error.leader };
    }
  };
}

/** What upstream's callers send along is their own term; a stale one knows a stale leader. */
function checkTerm(term: number, node: LocalNode): void {
  const { term: present } = node.status();
  if (term === 0 || term >= present) return;
  const message = `the request is of term ${term}, the cluster is in term ${present}; read again`;
  throw new EngineError("LEADER_CHANGED", message);
}

/** @throws EngineError `INVALID_REQUEST` */
function versionOf(request: cluster.ClusterConfChangeRequest): LogIndex | undefined {
  const { version, expectedVersion } = request;
  const wanted = expectedVersion ?? (version === 0n ? undefined : version);
  if (wanted === undefined) return undefined;
  if (wanted <= Number.MAX_SAFE_INTEGER) return logIndex(Number(wanted));
  const message = `no cluster has a version ${wanted}; read it again`;
  throw new EngineError("INVALID_REQUEST", message);
}

/** @throws EngineError `INVALID_REQUEST`, `INVALID_ADDRESS` */
function changeOf(wire: common.MembershipChange | undefined): MembershipChange {
  const change = wire?.change;
  switch (change?.case) {
    case "addNode": {
      const { text } = parseHostPort(change.value.address);
      const status = statusOf(change.value.status);
      return { kind: "addNode", nodeId: idOf(change.value.nodeId), address: text, status };
    }
    case "removeNode":
      return { kind: "removeNode", nodeId: idOf(change.value.nodeId) };
    case "promote": {
      const status = statusOf(change.value.status);
      return { kind: "promoteLearner", nodeId: idOf(change.value.nodeId), status };
    }
    case "batchPromote": {
      const status = statusOf(change.value.newStatus);
      return { kind: "batchPromote", nodeIds: change.value.nodeIds.map(idOf), status };
    }
    case "batchRemove":
      return { kind: "batchRemove", nodeIds: change.value.nodeIds.map(idOf) };
    default:
      // The entry that leaves a joint configuration looks like this, and only leaders propose it.
      throw new EngineError("INVALID_REQUEST", "the change names nothing that is to change");
  }
}

function idOf(value: number): NodeId {
  try {
    return nodeId(value);
  } catch (cause) {
    throw new EngineError("INVALID_REQUEST", (cause as Error).message, { cause });
  }
}

function statusOf(status: common.NodeStatus): NodeStatus | "unspecified" {
  switch (status) {
    case common.NodeStatus.UNSPECIFIED:
      return "unspecified";
    case common.NodeStatus.PROMOTABLE:
      return "promotable";
    case common.NodeStatus.READ_ONLY:
      return "readOnly";
    case common.NodeStatus.ACTIVE:
      return "active";
    default:
      throw new EngineError("INVALID_REQUEST", `${status} is no status of a member`);
  }
}

const WireCode = cluster.ClusterConfUpdateResponse_ErrorCode;
/** Everything else is `INTERNAL` to a client that knows these alone. */
const wireCodes: Partial<Record<EngineErrorCode, cluster.ClusterConfUpdateResponse_ErrorCode>> = {
  NOT_LEADER: WireCode.NOT_LEADER,
  VERSION_CONFLICT: WireCode.VERSION_CONFLICT,
  LEADER_CHANGED: WireCode.TERM_OUTDATED,
  INVALID_REQUEST: WireCode.INVALID_CHANGE,
  INVALID_ADDRESS: WireCode.INVALID_CHANGE,
  CHANGE_IN_PROGRESS: WireCode.INVALID_CHANGE,
  LEARNER_NOT_READY: WireCode.INVALID_CHANGE,
  QUORUM_AT_RISK: WireCode.INVALID_CHANGE,
};

function refusal(node: LocalNode, error: EngineError): Uint8Array {
  return answer(node, {
    version: BigInt(node.status().configuration.logId.index),
    success: false,
    errorCode: wireCodes[error.code] ?? WireCode.INTERNAL,
    code: sessionNumberOf(error.code),
    message: error.message,
    leaderId: error.leader?.leaderId ?? 0,
    leaderAddress: error.leader?.address ?? "",
  });
}

function answer(
  node: LocalNode,
  fields: Partial<Omit<cluster.ClusterConfUpdateResponse, "$typeName" | "$unknown">>,
): Uint8Array {
  const { nodeId: id, term } = node.status();
  const schema = cluster.ClusterConfUpdateResponseSchema;
  return toBinary(schema, create(schema, { id, term: BigInt(term), ...fields }));
}
