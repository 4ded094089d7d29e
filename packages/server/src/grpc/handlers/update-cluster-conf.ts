import { sessionNumberOf } from "@d-engine/client";
import {
  EngineError,
  type EngineErrorCode,
  isEngineError,
  type LogIndex,
  type MembershipConfiguration,
} from "@d-engine/core";
import { cluster, common, create, toBinary } from "@d-engine/proto";
import type { LocalNode } from "../../driver/local-node.js";
import type { Answer, UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";
import { changeOf } from "../membership-change.js";

const WireCode = cluster.ClusterConfUpdateResponse_ErrorCode;
type WireCode = cluster.ClusterConfUpdateResponse_ErrorCode;

/**
 * Changes the members, when `version` is that of the members in effect and `term`, if it is given,
 * that of the leader. A refusal stands in the answer; what a caller has to wait for, and an unknown
 * outcome, in the status.
 */
export function updateClusterConf(node: LocalNode): UnaryHandler {
  return async (bytes, { signal, timeoutMs }) => {
    const request = decodeRequest(cluster.ClusterConfChangeRequestSchema, bytes);
    const { term } = node.status();
    if (request.term !== 0n && request.term < BigInt(term)) {
      const message = `the change is for term ${request.term}, the present one is ${term}`;
      return refusal(node, WireCode.TERM_OUTDATED, new EngineError("LEADER_CHANGED", message));
    }
    try {
      const change = changeOf(request.change ?? create(common.MembershipChangeSchema));
      const version = Number(request.version) as LogIndex;
      return success(node, await node.membership.change(change, { version, signal, timeoutMs }));
    } catch (error) {
      const code = isEngineError(error) ? REFUSALS[error.code] : undefined;
      if (code === undefined) throw error;
      return refusal(node, code, error as EngineError);
    }
  };
}

const REFUSALS: { readonly [Code in EngineErrorCode]?: WireCode } = {
  NOT_LEADER: WireCode.NOT_LEADER,
  LEADER_CHANGED: WireCode.NOT_LEADER,
  VERSION_CONFLICT: WireCode.VERSION_CONFLICT,
  CHANGE_IN_PROGRESS: WireCode.INVALID_CHANGE,
  LEARNER_NOT_READY: WireCode.INVALID_CHANGE,
  QUORUM_AT_RISK: WireCode.INVALID_CHANGE,
  INVALID_REQUEST: WireCode.INVALID_CHANGE,
};

function success(node: LocalNode, configuration: MembershipConfiguration): Answer {
  const { nodeId: id, term } = node.status();
  const response = create(cluster.ClusterConfUpdateResponseSchema, {
    id,
    term: BigInt(term),
    version: BigInt(configuration.logId.index),
    success: true,
  });
  return { body: toBinary(cluster.ClusterConfUpdateResponseSchema, response) };
}

function refusal(node: LocalNode, errorCode: WireCode, error: EngineError): Answer {
  const { nodeId: id, term, configurationVersion } = node.status();
  const response = create(cluster.ClusterConfUpdateResponseSchema, {
    id,
    term: BigInt(term),
    version: BigInt(configurationVersion),
    success: false,
    errorCode,
    engineCode: sessionNumberOf(error.code),
    message: error.message,
  });
  const body = toBinary(cluster.ClusterConfUpdateResponseSchema, response);
  return { body, leader: error.leader };
}
