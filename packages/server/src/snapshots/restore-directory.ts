import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  type BatchId,
  EngineError,
  type LogIndex,
  type Member,
  type NodeId,
  type NodeIdentity,
  nodeId,
  type OpenedStorage,
  type Term,
} from "@d-engine/core";
import { nodeFileStorage, nodeFileSystem } from "@d-engine/storage";
import { bootstrapIdentity, type InitialCluster } from "../bootstrap/initial-cluster.js";
import { backupPieces, verifyBackup } from "./backup-file.js";
import { readSnapshot } from "./read-snapshot.js";
import { restoreBackup } from "./restore-backup.js";

/** What a new data directory is made of. */
export interface RestoreDirectoryOptions {
  /** Path of a backup. */
  readonly file: string;
  /** Is made; may exist if it is empty. */
  readonly dataDir: string;
  /** The member that the directory is for. @defaultValue 1 */
  readonly nodeId?: number | undefined;
  /** All members of the new cluster, as many as it shall have; the same for each of them. */
  readonly initialCluster: InitialCluster;
  /** Tells two clusters apart that are restored of one backup; the same for each member. */
  readonly clusterToken?: string | undefined;
}

/** What was restored. */
export interface RestoredDirectory {
  readonly identity: NodeIdentity;
  /** SHA-256 of the snapshot in the backup, 64 hexadecimal digits. */
  readonly checksum: string;
  /** Absolute. */
  readonly dataDir: string;
}

/**
 * Makes the data directory of one member of a new cluster from a backup (rule R19). The members
 * may be others, and more or fewer, than those of the cluster that was backed up. Each of them
 * restores the same backup with the same initial cluster and token, by which they come to the same
 * cluster id. The directory is there as a whole or not at all.
 *
 * @throws EngineError `DATA_CORRUPTION`, naming the file, when it is not what was saved,
 *   `INVALID_REQUEST` for a directory that is not empty or members that no cluster can have,
 *   `VERSION_MISMATCH`, `DISK_FULL`, `STORAGE_IO_ERROR`
 * @example
 * await restoreDirectory({ file: "backup", dataDir: "./data", initialCluster: { 1: "host:9081" } });
 */
export async function restoreDirectory(
  options: RestoreDirectoryOptions,
): Promise<RestoredDirectory> {
  const { file } = options;
  const dataDir = resolve(options.dataDir);
  const { bytes, checksum } = await verifyBackup(file);
  await refuseNonEmpty(dataDir);
  const identity = identityOf(options, checksum);
  const temporary = `${dataDir}.restoring`;
  await rm(temporary, { recursive: true, force: true });
  const storage = await nodeFileStorage(temporary).open({ createIdentity: () => identity });
  try {
    await fill(storage, () => backupPieces(file, bytes), identity.bootstrap.members);
  } catch (error) {
    await storage.close();
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await storage.close();
  await rmdir(dataDir).catch(() => undefined); // empty, or not there
  await nodeFileSystem.rename(temporary, dataDir);
  await nodeFileSystem.syncDirectory(dirname(dataDir));
  return { identity, checksum, dataDir };
}

async function refuseNonEmpty(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new EngineError("INVALID_REQUEST", `cannot use ${dataDir}: ${error.message}`);
  });
  if (names.length === 0) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `${dataDir} is not empty; a backup is restored into a directory of its own`,
  );
}

/** The checksum in the token makes the id another than that of the cluster that was backed up. */
function identityOf(options: RestoreDirectoryOptions, checksum: string): NodeIdentity {
  const { initialCluster, clusterToken = "" } = options;
  return bootstrapIdentity({
    nodeId: checkedNodeId(options.nodeId ?? 1),
    address: "",
    initialCluster,
    clusterToken: JSON.stringify(["restored", checksum, clusterToken]),
  });
}

function checkedNodeId(id: number): NodeId {
  try {
    return nodeId(id);
  } catch (cause) {
    throw new EngineError("INVALID_REQUEST", (cause as Error).message, { cause });
  }
}

async function fill(
  storage: OpenedStorage,
  pieces: () => AsyncIterable<Uint8Array>,
  members: readonly Member[],
): Promise<void> {
  const lastIncluded = await lastIncludedOf(pieces());
  const writer = await storage.snapshots!.create(lastIncluded);
  try {
    for await (const piece of restoreBackup(pieces(), { members })) await writer.write(piece);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  // No member may take part in an election of a term that the snapshot is already ahead of.
  await persistTerm(storage, lastIncluded.term);
}

async function lastIncludedOf(pieces: AsyncIterable<Uint8Array>) {
  for await (const { meta } of readSnapshot(pieces)) return meta.lastIncluded;
  throw new EngineError("DATA_CORRUPTION", "the backup is empty");
}

function persistTerm({ log }: OpenedStorage, term: Term): Promise<void> {
  return new Promise((resolve, reject) => {
    log.start({ persisted: () => resolve(), failed: reject });
    log.write({
      batch: 1 as BatchId,
      hardState: { term, votedFor: undefined, minElectionTimeoutMs: 0 },
      entries: [],
      commitIndex: 0 as LogIndex,
    });
  });
}
