import { type LogIndex, type NodeId, nodeId } from "@d-engine/core";
import { Metadata } from "@grpc/grpc-js";

/** Who a node says it is, on every connection between nodes (rule R13). */
export interface PeerIdentity {
  /** 32 hexadecimal digits, the same for all members. */
  readonly clusterId: string;
  readonly nodeId: NodeId;
  /** 32 hexadecimal digits, random for each data directory ever made. */
  readonly instanceId: string;
  /** What this build understands; a kind of entry is proposed only when all know it (R14). */
  readonly featureLevel: number;
}

const keys = {
  clusterId: "x-d-engine-cluster-id",
  nodeId: "x-d-engine-node-id",
  instanceId: "x-d-engine-instance-id",
  featureLevel: "x-d-engine-feature-level",
} as const;

const removedByKey = "x-d-engine-removed-by";

/** The identity as gRPC metadata; sent with every call, and back with every answer. */
export function identityMetadata(identity: PeerIdentity): Metadata {
  const metadata = new Metadata();
  metadata.set(keys.clusterId, identity.clusterId);
  metadata.set(keys.nodeId, String(identity.nodeId));
  metadata.set(keys.instanceId, identity.instanceId);
  metadata.set(keys.featureLevel, String(identity.featureLevel));
  return metadata;
}

export type ReadIdentity =
  | { readonly kind: "identity"; readonly identity: PeerIdentity }
  | { readonly kind: "malformed"; readonly reason: string };

/** Reads what the other side says it is. Anything missing or odd makes it a stranger. */
export function readIdentity(metadata: Metadata): ReadIdentity {
  const text = (key: string): string => String(metadata.get(key)[0] ?? "");
  const clusterId = text(keys.clusterId);
  const instanceId = text(keys.instanceId);
  const id = Number(text(keys.nodeId));
  const featureLevel = Number(text(keys.featureLevel));
  if (!isHex128(clusterId)) return malformed(keys.clusterId, clusterId);
  if (!isHex128(instanceId)) return malformed(keys.instanceId, instanceId);
  if (!isNodeId(id)) return malformed(keys.nodeId, text(keys.nodeId));
  if (!Number.isInteger(featureLevel) || featureLevel < 1) {
    return malformed(keys.featureLevel, text(keys.featureLevel));
  }
  const identity = { clusterId, nodeId: nodeId(id), instanceId, featureLevel };
  return { kind: "identity", identity };
}

/** What is known of instances: the replicated record of who each node id belongs to. */
export interface InstanceDirectory {
  /** The recorded instance of a node; `undefined` before its first contact with a leader. */
  instanceOf(id: NodeId): string | undefined;
  /** The entry that removed this directory from the cluster; `undefined` when none did. */
  removalOf?(id: NodeId, instanceId: string): LogIndex | undefined;
}

/** What a directory that was removed is told when it calls on. */
export function removedReason({ nodeId: id }: PeerIdentity, by: LogIndex): string {
  return (
    `node ${id} was removed from the cluster by log entry ${by}: stop it, and delete ` +
    'its data directory; to have it back start it anew after "d-engine member add"'
  );
}

/** The answer to a removed directory: who says so, and which entry removed it. */
export function removalMetadata(own: Metadata, by: LogIndex): Metadata {
  own.set(removedByKey, String(by));
  return own;
}

/**
 * The entry by which `local` was removed, as a refusal of `peer` says; `undefined` when it does
 * not. Only the member itself is believed: one of the same cluster, under its recorded instance.
 */
export function readRemoval(
  metadata: Metadata,
  local: PeerIdentity,
  peer: NodeId,
  directory: InstanceDirectory,
): LogIndex | undefined {
  const by = Number(metadata.get(removedByKey)[0]);
  if (!Number.isSafeInteger(by) || by < 1) return undefined;
  const read = readIdentity(metadata);
  if (read.kind === "malformed" || read.identity.nodeId !== peer) return undefined;
  return refusePeer(local, read.identity, directory) === undefined ? (by as LogIndex) : undefined;
}

/**
 * Why the other side is not the member it claims to be, in one line that names the way out;
 * `undefined` when nothing speaks against it (scenarios 35, 36).
 */
export function refusePeer(
  local: PeerIdentity,
  peer: PeerIdentity,
  directory: InstanceDirectory,
): string | undefined {
  if (peer.clusterId !== local.clusterId) {
    return (
      `node ${peer.nodeId} belongs to cluster ${peer.clusterId}, node ${local.nodeId} to ` +
      `${local.clusterId}; compare initial_cluster and cluster_token on both`
    );
  }
  if (peer.nodeId === local.nodeId) {
    return peer.instanceId === local.instanceId
      ? `node ${local.nodeId} reached itself; an address in the configuration is wrong`
      : `two nodes claim the id ${local.nodeId}; give one of them another`;
  }
  const known = directory.instanceOf(peer.nodeId);
  if (known !== undefined && known !== peer.instanceId) {
    return (
      `node ${peer.nodeId} is known as instance ${known}, not ${peer.instanceId}: its data ` +
      `directory was replaced; run "d-engine member remove ${peer.nodeId}", then add it again`
    );
  }
  return undefined;
}

function isHex128(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

function isNodeId(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 0xffff_ffff;
}

function malformed(key: string, value: string): ReadIdentity {
  const shown = value === "" ? "nothing" : JSON.stringify(value.slice(0, 64));
  return { kind: "malformed", reason: `not a member of this cluster: ${key} is ${shown}` };
}
