import {
  type ClusterView,
  engineCodeOfSessionNumber,
  type MemberInfo,
  sessionNumberOf,
  type TransportAnswer,
  type TransportFailure,
  type TransportRequest,
  type TransportResults,
} from "@d-engine/client";
import { decodeKvQueryResult, encodeCommandResult, encodeKvQueryResult } from "@d-engine/codec";
import { assertNever, ENGINE_ERRORS, isEngineError } from "@d-engine/core";
import type { DeadlineOptions, LocalNode, LocalNodeStatus } from "@d-engine/server/driver";

/**
 * What a node's services answer to one call of a client: the node's own operations, and its
 * errors under the codes that survive the way over a session. Rejects with what is no answer at
 * all: a bug.
 */
export async function answerRequest(
  node: LocalNode,
  request: TransportRequest,
  bounds: DeadlineOptions,
): Promise<TransportAnswer> {
  try {
    return { kind: "answered", result: await resultOf(node, request, bounds) };
  } catch (error) {
    return { kind: "failed", failure: failureOf(error, request) };
  }
}

/** Bytes are copied in both directions, as by a network. */
async function resultOf(
  node: LocalNode,
  request: TransportRequest,
  bounds: DeadlineOptions,
): Promise<TransportResults[TransportRequest["kind"]]> {
  switch (request.kind) {
    case "write": {
      const outcome = await node.write(request.command.slice(), bounds);
      const { succeeded, revision, existed, detail } = outcome;
      const encoded = detail === undefined ? undefined : encodeCommandResult(detail);
      return { succeeded, revision, existed, detail: encoded };
    }
    case "read": {
      const { consistency } = request;
      const keys = request.keys.map((key) => key.slice());
      const values = await node.read(keys, { ...bounds, consistency });
      return values.map((value) => value?.slice());
    }
    case "scan": {
      const { consistency } = request;
      const scan = await node.scan(request.prefix.slice(), { ...bounds, consistency });
      const entries = scan.entries.map(({ key, value }) => {
        return { key: key.slice(), value: value.slice() };
      });
      return { entries, revision: scan.revision };
    }
    case "query": {
      const { query, consistency } = request;
      const result = await node.query(query.slice(), { ...bounds, consistency });
      return decodeKvQueryResult(encodeKvQueryResult(result));
    }
    case "metadata":
      return clusterView(node.status());
    default:
      return assertNever(request);
  }
}

/**
 * A write whose outcome is unknown never travels under a code that reads as "nothing happened"
 * (C3), and a code that a session has no number for arrives as the one that has it.
 */
function failureOf(error: unknown, request: TransportRequest): TransportFailure {
  if (!isEngineError(error)) throw error;
  const { message, leader, retryAfterMs } = error;
  const hidden = error.outcome === "unknown" && ENGINE_ERRORS[error.code].outcome === "rejected";
  const sent = hidden && request.kind === "write" ? "OUTCOME_UNKNOWN" : error.code;
  const code = engineCodeOfSessionNumber(sessionNumberOf(sent));
  if (code === "OUTCOME_UNKNOWN") return { kind: "deadline", message };
  return { kind: "refused", code: code ?? "OUTCOME_UNKNOWN", message, leader, retryAfterMs };
}

/** The cluster as this node knows it; a leader is named once it can serve. */
function clusterView(status: LocalNodeStatus): ClusterView {
  const { configuration, commitIndex, nodeId, role, leaderReady } = status;
  const named = role === "leader" && !leaderReady ? undefined : status.leaderId;
  const leaderId = configuration.members.some(({ id }) => id === named) ? named : undefined;
  return {
    version: Math.min(configuration.logId.index, commitIndex),
    leaderId,
    members: configuration.members.map((member): MemberInfo => {
      const known = member.id === nodeId ? role : member.id === leaderId ? "leader" : "follower";
      return { ...member, role: member.status === "active" ? known : "learner" };
    }),
  };
}
