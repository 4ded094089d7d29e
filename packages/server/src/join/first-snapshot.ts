import { type Clock, isEngineError, type NodeIdentity, type OpenedStorage } from "@d-engine/core";
import type { Crc32 } from "@d-engine/storage";
import { FEATURE_LEVEL } from "../driver/feature-gate.js";
import type { Logger } from "../driver/logger.js";
import type { PeerSecurity } from "../peers/grpc-transport.js";
import { pullSnapshot } from "../peers/snapshot-puller.js";

export interface FirstSnapshotOptions {
  readonly storage: OpenedStorage;
  /** `host:port` of members to ask, the leader first where it is known. */
  readonly endpoints: readonly string[];
  readonly crc32: Crc32;
  readonly logger: Logger;
  readonly security?: PeerSecurity | undefined;
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue that of this process */
  readonly clock?: Clock;
}

/** Whether a node was admitted to a cluster and has nothing of its state yet. */
export function beginsEmpty({ identity, log, snapshots }: OpenedStorage): boolean {
  if (identity.joinedAt === 0 || snapshots === undefined) return false;
  return log.recovered.last.index === 0 && snapshots.newest === undefined;
}

/**
 * Pulls the leader's newest snapshot before a new member starts, so that it holds nobody up
 * meanwhile. Resolves to whether there is one now, which the next opening of the storage lays over
 * the empty log. The start goes on without one, if it must: the leader then sends it later.
 */
export async function pullFirstSnapshot(options: FirstSnapshotOptions): Promise<boolean> {
  const { storage, logger, signal } = options;
  const { snapshots } = storage;
  const [first, ...others] = options.endpoints;
  if (snapshots === undefined || first === undefined) return false;
  const { clusterId, nodeId, instanceId }: NodeIdentity = storage.identity;
  const identity = { clusterId, nodeId, instanceId, featureLevel: FEATURE_LEVEL };
  try {
    const endpoints = [first, ...others] as const;
    const label = await pullSnapshot({ ...options, endpoints, identity, snapshots });
    return label !== undefined;
  } catch (error) {
    // After a failed write nobody knows what the disk holds: the node must not start on it.
    if (signal?.aborted || isEngineError(error, "STORAGE_IO_ERROR")) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn(`starting without a snapshot, the leader will send it: ${reason}`);
    return false;
  }
}
