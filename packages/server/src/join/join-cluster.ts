import {
  type Clock,
  EngineError,
  type EngineErrorCode,
  LOG_ORIGIN,
  type LogIndex,
  type Member,
  type NodeId,
  type NodeIdentity,
  nodeId,
} from "@d-engine/core";
import { cluster, common, create, toBinary } from "@d-engine/proto";
import type { Logger } from "../driver/logger.js";
import type { PeerSecurity } from "../peers/grpc-transport.js";
import { callNode } from "./join-caller.js";

/** Whether a node that joins becomes a voter once it has caught up, or never. */
export type JoinAs = "promotable" | "readOnly";

export interface JoinOptions {
  /** `host:port` of nodes of the cluster; one that answers is enough. */
  readonly endpoints: readonly string[];
  readonly nodeId: NodeId;
  /** `host:port` under which the cluster is to reach this node. */
  readonly address: string;
  readonly joinAs: JoinAs;
  /** Of the directory that joins: the same in every attempt. */
  readonly instanceId: string;
  /** Milliseconds until giving up. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @defaultValue plaintext, and nothing to prove */
  readonly security?: PeerSecurity | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a node is once it was taken in. */
export interface Joined {
  readonly identity: NodeIdentity;
  /** `host:port` of the leader that took it in. */
  readonly leader: string;
  /** Whether that leader has a snapshot of the state. */
  readonly hasSnapshot: boolean;
}

/** How a round of attempts ended. */
type Attempt =
  | { readonly kind: "joined"; readonly joined: Joined }
  /** Worth another try; `why` is for people. */
  | { readonly kind: "again"; readonly why: string };

/**
 * Asks a running cluster to take this node in as a learner, and resolves to who it is from then
 * on, and where to begin. An attempt whose answer is lost is repeated, which does nothing twice.
 *
 * @throws EngineError `INVALID_REQUEST` with the leader's reason, `CLUSTER_UNAVAILABLE` after
 *   `timeoutMs` with what each endpoint said last, `UNIMPLEMENTED` by nodes that cannot do it
 */
export async function joinCluster(options: JoinOptions): Promise<Joined> {
  const { clock, logger, endpoints, signal, timeoutMs } = options;
  const deadlineMs = clock.nowMs() + timeoutMs;
  let told = "";
  for (;;) {
    const reasons: string[] = [];
    for (const endpoint of endpoints) {
      signal?.throwIfAborted();
      const leader = await findLeader(endpoint, options, deadlineMs);
      const attempt =
        leader.kind === "found" ? await join(leader.address, options, deadlineMs) : leader;
      if (attempt.kind === "joined") return attempt.joined;
      reasons.push(attempt.why);
    }
    signal?.throwIfAborted();
    const why = reasons.join("; ");
    if (clock.nowMs() + pauseMs >= deadlineMs) {
      const message = `the cluster did not take this node in within ${timeoutMs} ms: ${why}`;
      throw new EngineError("CLUSTER_UNAVAILABLE", message);
    }
    if (why !== told) logger.info(`joining, asking again: ${why}`);
    told = why;
    await new Promise<void>((resolve) => clock.setTimer(pauseMs, resolve));
  }
}

type FoundLeader =
  | { readonly kind: "found"; readonly address: string }
  | { readonly kind: "again"; readonly why: string };

async function findLeader(
  endpoint: string,
  { nodeId: id, instanceId, address, logger, clock, signal, security }: JoinOptions,
  deadlineMs: number,
): Promise<FoundLeader> {
  const schema = cluster.LeaderDiscoveryRequestSchema;
  const request = toBinary(schema, create(schema, { nodeId: id, requesterAddress: address }));
  const timeoutMs = Math.max(1, Math.min(discoverTimeoutMs, deadlineMs - clock.nowMs()));
  const answer = await callNode(endpoint, "discoverLeader", request, {
    timeoutMs,
    signal,
    security,
    who: { nodeId: id, instanceId },
  });
  if (answer.kind === "failed") return { kind: "again", why: answer.failure.message };
  const { leaderId, leaderAddress } = answer.body;
  logger.info(`joining: ${endpoint} names node ${leaderId} at ${leaderAddress} as the leader`);
  return { kind: "found", address: leaderAddress };
}

async function join(leader: string, options: JoinOptions, deadlineMs: number): Promise<Attempt> {
  const { nodeId: id, address, joinAs, instanceId, clock, logger, signal, security } = options;
  const request = create(cluster.JoinRequestSchema, {
    nodeId: id,
    nodeRole: common.NodeRole.LEARNER,
    address,
    status: joinAs === "readOnly" ? common.NodeStatus.READ_ONLY : common.NodeStatus.PROMOTABLE,
    instanceId,
  });
  const bytes = toBinary(cluster.JoinRequestSchema, request);
  const who = { nodeId: id, instanceId };
  const timeoutMs = Math.max(1, Math.min(joinTimeoutMs, deadlineMs - clock.nowMs()));
  const answer = await callNode(leader, "joinCluster", bytes, { timeoutMs, signal, security, who });
  if (answer.kind === "answered") {
    logger.info(`joined: node ${id} is a learner as of entry ${answer.body.joinedAt}`);
    const identity = identityOf(answer.body, options);
    const hasSnapshot = answer.body.snapshotMetadata !== undefined;
    return { kind: "joined", joined: { identity, leader, hasSnapshot } };
  }
  const { failure } = answer;
  if (failure.kind === "refused" && FINAL.has(failure.code)) {
    throw new EngineError(failure.code, `the cluster refuses this node: ${failure.message}`);
  }
  return { kind: "again", why: failure.message };
}

/** Asking again would not help. Everything else may be over soon, the loss of an answer too. */
const FINAL: ReadonlySet<EngineErrorCode> = new Set<EngineErrorCode>([
  "INVALID_REQUEST",
  "INVALID_ADDRESS",
  "UNIMPLEMENTED",
  "INVALID_RESPONSE",
  "PERMISSION_DENIED",
]);

/** @throws EngineError `INVALID_RESPONSE` for an answer that a node cannot be made of */
function identityOf(
  { clusterId, bootstrap, joinedAt }: cluster.JoinResponse,
  { nodeId: id, instanceId }: JoinOptions,
): NodeIdentity {
  const first = bootstrap?.nodes ?? [];
  const index = Number(joinedAt);
  if (!/^[0-9a-f]{32}$/.test(clusterId) || first.length === 0 || !(index > 0)) {
    throw new EngineError(
      "INVALID_RESPONSE",
      "the leader's answer does not say what the new member needs; do all nodes run this version?",
    );
  }
  const members = first.map(
    (member): Member => ({ id: nodeId(member.id), address: member.address, status: "active" }),
  );
  return {
    nodeId: id,
    clusterId,
    instanceId,
    bootstrap: { logId: LOG_ORIGIN, members, outgoingVoters: undefined },
    joinedAt: index as LogIndex,
  };
}

const discoverTimeoutMs = 2_000;
const joinTimeoutMs = 10_000;
const pauseMs = 300;
