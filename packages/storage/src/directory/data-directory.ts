import { EngineError } from "@d-engine/core";
import type { DirectoryLock, FileSystem } from "../file-system.js";
import { naming } from "../storage-errors.js";
import { IDENTITY_NAME, IDENTITY_TEMPORARY_NAME } from "./identity-file.js";

/** The log's directory within a data directory. */
export const LOG_NAME = "log";
/** The directory of snapshots within a data directory. */
export const SNAPSHOTS_NAME = "snapshots";
/** Where the lock is kept; its content is the file system's affair. */
export const LOCK_NAME = "lock";

/**
 * Makes the directory if need be and takes it for this caller alone. Rejects with
 * `INVALID_REQUEST` for one that holds something else, `DATA_DIR_LOCKED` for one in use, and
 * `STORAGE_PERMISSION_DENIED` for one that cannot be written.
 */
export async function claimDirectory(
  fileSystem: FileSystem,
  directory: string,
): Promise<DirectoryLock> {
  await naming("creating", directory, () => fileSystem.mkdir(directory));
  await refuseForeign(fileSystem, directory);
  const lockDirectory = `${directory}/${LOCK_NAME}`;
  const outcome = await naming("locking", directory, async () => {
    await fileSystem.mkdir(lockDirectory);
    return fileSystem.lock(lockDirectory);
  });
  if (outcome.kind === "locked") return outcome.lock;
  throw new EngineError(
    "DATA_DIR_LOCKED",
    `${directory} is in use by ${outcome.holder ?? "another process"}: ` +
      "stop that one first, or choose another directory",
  );
}

/** Nothing is put beside files that are not ours: the path may be a mistake. */
async function refuseForeign(fileSystem: FileSystem, directory: string): Promise<void> {
  const names = await naming("reading", directory, () => fileSystem.readdir(directory));
  if (names.includes(IDENTITY_NAME)) return;
  const foreign = names.find((name) => !ownNames.has(name) && !name.startsWith("."));
  if (foreign === undefined) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `${directory} holds '${foreign}', which is not d-engine data: choose an empty directory`,
  );
}

/** What a creation that was interrupted may have left, and what a fresh mount has. */
const ownNames = new Set([
  LOG_NAME,
  SNAPSHOTS_NAME,
  LOCK_NAME,
  IDENTITY_TEMPORARY_NAME,
  "lost+found",
]);
