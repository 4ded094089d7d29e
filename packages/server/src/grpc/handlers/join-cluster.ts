import { parseHostPort } from "@d-engine/client";
import {
  EngineError,
  type LogIndex,
  type Member,
  type MembershipConfiguration,
  type NodeId,
  type NodeStatus,
  nodeId,
  type SnapshotLabel,
} from "@d-engine/core";
import { cluster, common, create, toBinary } from "@d-engine/proto";
import type { Metadata } from "@grpc/grpc-js";
import type { LocalNode } from "../../driver/local-node.js";
import { snapshotMetadata } from "../../peers/snapshot-codec.js";
import type { PeerSecret } from "../../security/peer-secret.js";
import type { UnaryHandler } from "../call-context.js";
import { bootstrapMembership, clusterMembership, type OwnAddress } from "../cluster-view.js";
import { decodeRequest } from "../decode-request.js";

/** The replicated record of who each node id belongs to. */
export interface InstanceRecords {
  instanceOf(id: NodeId): string | undefined;
  /** The entry that removed this directory from the cluster; `undefined` when none did. */
  removalOf(id: NodeId, instanceId: string): LogIndex | undefined;
  /** Resolves when it is recorded that this directory has the id. */
  record(id: NodeId, instanceId: string): Promise<void>;
}

/** For a node that keeps none, as in tests of other things. */
export const NO_RECORDS: InstanceRecords = {
  instanceOf: () => undefined,
  removalOf: () => undefined,
  record: async () => undefined,
};

interface Joiner {
  readonly id: NodeId;
  readonly address: string;
  readonly status: NodeStatus;
  /** Empty when it did not say. */
  readonly instanceId: string;
}

/**
 * Adds a learner. Only the leader does. To be repeated by the same directory, under the same id and
 * address, until an answer arrives: the answer to the first attempt may have been lost.
 */
export function joinCluster(
  node: LocalNode,
  records: InstanceRecords,
  ownAddress: OwnAddress,
  newestSnapshot: () => SnapshotLabel | undefined,
  secret?: PeerSecret,
): UnaryHandler {
  return async (bytes, { signal, timeoutMs, authority, metadata }) => {
    const joiner = joinerOf(decodeRequest(cluster.JoinRequestSchema, bytes));
    refuseStranger(secret, metadata, joiner);
    refuseUnlessLeader(node);
    const joined = await admit(node, records, joiner, { signal, timeoutMs });
    if (joiner.instanceId !== "") await records.record(joiner.id, joiner.instanceId);
    const status = node.status();
    const { clusterId, bootstrap } = node.identity;
    const response = create(cluster.JoinResponseSchema, {
      success: true,
      config: clusterMembership(status, ownAddress(authority)),
      configVersion: BigInt(status.configurationVersion),
      leaderId: status.nodeId,
      clusterId,
      bootstrap: bootstrapMembership(bootstrap.members),
      joinedAt: BigInt(joined.logId.index),
    });
    const snapshot = newestSnapshot();
    if (snapshot !== undefined) response.snapshotMetadata = snapshotMetadata(snapshot);
    return { body: toBinary(cluster.JoinResponseSchema, response) };
  };
}

/** Whoever joins is sent everything, and may vote later: it must know what members know. */
function refuseStranger(
  secret: PeerSecret | undefined,
  metadata: Metadata,
  { id, instanceId }: Joiner,
): void {
  const reason = secret?.refuse(metadata, { nodeId: id, instanceId });
  if (reason !== undefined) throw new EngineError("PERMISSION_DENIED", reason);
}

/** Resolves to a committed configuration in which the joiner is a learner. */
async function admit(
  { membership, auth }: LocalNode,
  records: InstanceRecords,
  joiner: Joiner,
  options: { readonly signal: AbortSignal; readonly timeoutMs: number | undefined },
): Promise<MembershipConfiguration> {
  const { id, address, status } = joiner;
  const known = membership.configuration.members.find((member) => member.id === id);
  refuseRemoved(id, records.removalOf(id, joiner.instanceId));
  if (known === undefined) {
    if (auth.state.enabled) throw toBeAdded(joiner);
    return await membership.change({ kind: "addNode", nodeId: id, address, status }, options);
  }
  refuseOther(known, joiner, records.instanceOf(id));
  return membership.configuration;
}

/**
 * Where users are asked for, who changes the members needs the role root: a stranger that let itself
 * in would be sent every key.
 */
function toBeAdded({ id, address, status }: Joiner): EngineError {
  const readOnly = status === "readOnly" ? " --read-only" : "";
  return refused(
    `this cluster asks for users, and node ${id} is no member yet: somebody with the role root has ` +
      `to run "d-engine member add ${id} ${address}${readOnly}" first`,
  );
}

/** Its log ends where it was removed: to come back it must begin anew (rule R12). */
function refuseRemoved(id: NodeId, removedAt: LogIndex | undefined): void {
  if (removedAt === undefined) return;
  throw refused(
    `this directory of node ${id} was removed from the cluster by log entry ${removedAt}; ` +
      "start the node again on an empty directory",
  );
}

/**
 * A voter was up and running: a directory that has to join under its id is another one, or has lost
 * what it once promised (scenario 35). A learner may come again, but only the same one.
 */
function refuseOther(known: Member, joiner: Joiner, recorded: string | undefined): void {
  const { id } = known;
  const wayOut = `run "d-engine member remove ${id}", then start it again on an empty directory`;
  if (known.status === "active") {
    throw refused(
      `node ${id} is a voter; a directory that lost its data is another node: ${wayOut}`,
    );
  }
  if (known.address !== joiner.address) {
    throw refused(
      `node ${id} is a member at ${known.address}, not at ${joiner.address}: join from there, or ` +
        wayOut,
    );
  }
  if (recorded !== undefined && recorded !== joiner.instanceId) {
    throw refused(`node ${id} is known as instance ${recorded}, another directory: ${wayOut}`);
  }
}

function refuseUnlessLeader(node: LocalNode): void {
  const { role, leaderReady, nodeId } = node.status();
  if (role !== "leader") {
    const message = `node ${nodeId} does not lead; only the leader lets nodes join`;
    throw new EngineError("NOT_LEADER", message, { leader: node.leaderHint() });
  }
  if (leaderReady) return;
  throw new EngineError("CLUSTER_UNAVAILABLE", `node ${nodeId} has just begun to lead`);
}

function joinerOf(request: cluster.JoinRequest): Joiner {
  if (request.nodeId === 0) throw refused("node id 0; ids begin at 1");
  const id = nodeId(request.nodeId);
  const status = LEARNERS.get(request.status);
  if (status === undefined) {
    throw refused(
      `node ${id} cannot join with status ${request.status}: promotable (1) becomes a voter when ` +
        "it has caught up, readOnly (2) never",
    );
  }
  const { instanceId } = request;
  if (instanceId !== "" && !/^[0-9a-f]{32}$/.test(instanceId)) {
    throw refused(`instance_id has 32 hexadecimal digits, got ${JSON.stringify(instanceId)}`);
  }
  const address = parseHostPort(request.address).text;
  return { id, address, instanceId, status };
}

const LEARNERS: ReadonlyMap<number, NodeStatus> = new Map([
  [common.NodeStatus.UNSPECIFIED, "promotable"],
  [common.NodeStatus.PROMOTABLE, "promotable"],
  [common.NodeStatus.READ_ONLY, "readOnly"],
]);

function refused(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", message);
}
