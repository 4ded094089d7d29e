import { EngineError } from "@d-engine/core";
import {
  type FileSystem,
  nodeFileSystem,
  readSmallFile,
  replaceSmallFile,
} from "@d-engine/storage";
import { randomId } from "../bootstrap/initial-cluster.js";

/**
 * The instance id of a directory that is about to join, from before the first attempt on: after a
 * crash between the leader's answer and `identity.json` the next start is the same node again, and
 * not a stranger under a known id. 32 hexadecimal digits and nothing else. Written beside its name,
 * synced, renamed, directory synced; of no meaning once there is an identity.
 */
export const PENDING_JOIN_NAME = ".pending-join";

/** The id that an earlier attempt has drawn, or a new one, which is durable then. */
export async function pendingInstanceId(
  directory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<string> {
  const path = `${directory}/${PENDING_JOIN_NAME}`;
  try {
    const found = await read(path, fileSystem);
    // Renamed perhaps, but not yet synced when the last attempt ended.
    if (found !== undefined) await fileSystem.syncDirectory(directory);
    return found ?? (await write(directory, fileSystem));
  } catch (cause) {
    const message = `${path} cannot be kept: ${cause instanceof Error ? cause.message : cause}`;
    throw new EngineError("STORAGE_IO_ERROR", message, { cause, outcome: "rejected" });
  }
}

/** Forgets it, once the identity is written. */
export async function forgetPendingJoin(
  directory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<void> {
  const path = `${directory}/${PENDING_JOIN_NAME}`;
  if ((await fileSystem.stat(path)) !== undefined) await fileSystem.unlink(path);
}

async function read(path: string, fileSystem: FileSystem): Promise<string | undefined> {
  if ((await fileSystem.stat(path)) === undefined) return undefined;
  const text = new TextDecoder().decode(await readSmallFile(fileSystem, path, digits));
  // Nobody was told of an id that is not whole.
  return /^[0-9a-f]{32}$/.test(text) ? text : undefined;
}

async function write(directory: string, fileSystem: FileSystem): Promise<string> {
  const instanceId = randomId();
  const bytes = new TextEncoder().encode(instanceId);
  await replaceSmallFile(fileSystem, directory, PENDING_JOIN_NAME, bytes);
  return instanceId;
}

const digits = 32;
