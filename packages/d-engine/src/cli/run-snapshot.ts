import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { ClusterAdmin } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import {
  backupPieces,
  ENGINE_DEFAULTS,
  inspectSnapshot,
  parseInitialCluster,
  restoreDirectory,
  type SnapshotSummary,
  verifyBackup,
} from "@d-engine/server";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { type RemoteOptions, withAdmin } from "./remote-options.js";

export interface SaveCommandOptions extends RemoteOptions {
  readonly consistency: "linearizable" | "eventual";
}

export interface RestoreCommandOptions {
  readonly dataDir: string;
  readonly nodeId: number;
  readonly initialCluster?: string;
  readonly clusterToken?: string;
  readonly json: boolean;
}

/** The file has its name only when all of it is on the disk, and right. */
export async function saveBackup(
  file: string,
  options: SaveCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  await refuseExisting(file);
  const temporary = `${file}.${process.pid}.part`;
  try {
    await withAdmin(options, (admin) => download(admin, temporary, options));
    const { bytes, checksum } = await verifyBackup(temporary);
    await refuseExisting(file);
    await rename(temporary, file);
    await syncDirectory(dirname(file));
    const facts = { file, bytes, checksum };
    io.out(
      options.json ? `${JSON.stringify(facts)}\n` : `ok, ${file}: ${shown(bytes)}, checksum ok\n`,
    );
    return EXIT.ok;
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function restore(
  file: string,
  options: RestoreCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const { nodeId, initialCluster, clusterToken, json } = options;
  const { identity, dataDir } = await restoreDirectory({
    file,
    dataDir: options.dataDir,
    nodeId,
    clusterToken,
    initialCluster:
      initialCluster === undefined
        ? { [nodeId]: ENGINE_DEFAULTS.address }
        : parseInitialCluster(initialCluster),
  });
  const { clusterId, bootstrap } = identity;
  const ids = bootstrap.members.map(({ id }) => id);
  if (json) {
    io.out(`${JSON.stringify({ dataDir, nodeId, clusterId, members: ids })}\n`);
  } else {
    const own = bootstrap.members.find(({ id }) => id === nodeId)?.address;
    const others = ids.filter((id) => id !== nodeId);
    io.out(`ok, ${dataDir} is node ${nodeId} of the new cluster ${clusterId}\n`);
    if (others.length > 0) {
      io.out(`restore the same file for node ${others.join(", ")} before any of them starts\n`);
    }
    io.out(`start it with: d-engine start --data-dir ${options.dataDir} --listen ${own}\n`);
  }
  return EXIT.ok;
}

export async function inspectBackup(
  file: string,
  { json }: { readonly json: boolean },
  io: CliIo,
): Promise<ExitCode> {
  const { bytes, checksum } = await verifyBackup(file);
  const summary = await inspectSnapshot(backupPieces(file, bytes));
  if (json) io.out(`${JSON.stringify(jsonSummary(file, checksum, summary))}\n`);
  else io.out(`${humanSummary(file, checksum, summary).join("\n")}\n`);
  return EXIT.ok;
}

async function download(
  admin: ClusterAdmin,
  path: string,
  { consistency }: SaveCommandOptions,
): Promise<void> {
  let target: FileHandle | undefined;
  try {
    for await (const piece of admin.downloadSnapshot({ consistency })) {
      // Not before the node has agreed: a refusal should leave no file.
      target ??= await open(path, "wx");
      await target.writeFile(piece);
    }
    await target?.sync();
  } catch (cause) {
    if (!isSystemError(cause)) throw cause;
    const message = `cannot write ${path}: ${cause.message}`;
    const code = cause.code === "ENOSPC" ? "DISK_FULL" : "STORAGE_IO_ERROR";
    throw new EngineError(code, message, { cause, outcome: "rejected" });
  } finally {
    await target?.close();
  }
}

async function refuseExisting(file: string): Promise<void> {
  const there = await stat(file).catch(() => undefined);
  if (there === undefined) return;
  throw new EngineError("INVALID_REQUEST", `${file} exists; name another file, or remove it`);
}

/** So that the name outlives a loss of power. Windows cannot, and need not. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

function jsonSummary(file: string, checksum: string, summary: SnapshotSummary): object {
  const { meta, bytes, records, configuration, store } = summary;
  return {
    file,
    checksum,
    bytes,
    records,
    createdAtMs: meta.createdAtMs,
    authorId: meta.authorId,
    lastIncluded: meta.lastIncluded,
    members: configuration?.members ?? [],
    store: store ?? null,
  };
}

function humanSummary(file: string, checksum: string, summary: SnapshotSummary): readonly string[] {
  const { meta, bytes, records, configuration, store } = summary;
  const { index, term } = meta.lastIncluded;
  const taken = meta.createdAtMs === 0 ? "" : ` on ${new Date(meta.createdAtMs).toISOString()}`;
  const lines = [
    `file       ${file}, ${shown(bytes)}, ${records} records`,
    `checksum   ok, ${checksum}`,
    `taken      by node ${meta.authorId}${taken}, up to entry ${index} of term ${term}`,
  ];
  if (store !== undefined) {
    const { revision, oldestRevision, keys, events, leases, sessions, users, roles } = store;
    lines.push(`store      revision ${revision}, ${keys} keys, ${shown(store.bytes)}`);
    lines.push(`history    from revision ${oldestRevision} on, ${events} changes`);
    if (leases > 0) lines.push(`leases     ${leases}, ${sessions} of them sessions`);
    if (users > 0) lines.push(`users      ${users}, ${roles} roles`);
  }
  for (const { id, address, status } of configuration?.members ?? []) {
    lines.push(`member     node ${id} at ${address}, ${status}`);
  }
  return lines;
}

function shown(bytes: number): string {
  return `${bytes.toLocaleString("en-US")} bytes`;
}
