import { randomBytes } from "node:crypto";
import * as path from "node:path";
import { crc32 } from "node:zlib";
import type { Clock, OpenedStorage, OpenStorageOptions } from "@d-engine/core";
import { FileStorage, type FileStorageTuning } from "../file-storage.js";
import type { FileSystem } from "../file-system.js";
import { nodeClock } from "./node-clock.js";
import { nodeFileSystem } from "./node-file-system.js";
import { nodeSha256 } from "./node-sha256.js";

export interface NodeFileStorageOptions extends FileStorageTuning {
  /** @defaultValue the clocks of this process */
  readonly clock?: Clock;
  /** @defaultValue `nodeFileSystem` */
  readonly fileSystem?: FileSystem;
}

/** A `FileStorage` on this machine's file system; `directory` may be relative. Does no I/O. */
export function nodeFileStorage(
  directory: string,
  options: NodeFileStorageOptions = {},
): FileStorage {
  return new FileStorage({
    ...options,
    directory: path.resolve(directory),
    fileSystem: options.fileSystem ?? nodeFileSystem,
    clock: options.clock ?? nodeClock,
    crc32,
    sha256: nodeSha256,
    randomBytes,
  });
}

/**
 * Opens a data directory, or makes it. Rejects as `FileStorage.open` does.
 *
 * @example
 * const storage = await openFileStorage("./data", { createIdentity });
 * storage.log.start({ persisted: (batch) => …, failed: (error) => … });
 * await storage.close();
 */
export function openFileStorage(
  directory: string,
  options: NodeFileStorageOptions & OpenStorageOptions,
): Promise<OpenedStorage> {
  return nodeFileStorage(directory, options).open(options);
}
