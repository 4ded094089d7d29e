/**
 * Everything that storage does to a disk. Production runs on `nodeFileSystem`, simulation and
 * tests on `SimulatedDisk`; the code above cannot tell them apart. Paths are joined with "/".
 *
 * Rejections carry the name of the system's error in `code` (`ENOENT`, `ENOSPC`, `EIO` …). Nothing
 * that is not said to be durable survives a power loss.
 */
export interface FileSystem {
  /** Opens a file. Rejects with `ENOENT` when it is absent and `access` is not `create`. */
  open(path: string, options: OpenFileOptions): Promise<FileHandle>;
  /** Replaces `to` in one step. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Durable after `syncDirectory`. */
  unlink(path: string): Promise<void>;
  /** Names of a directory's entries, in no particular order. */
  readdir(path: string): Promise<readonly string[]>;
  /** Makes a directory and its missing parents if need be; its name is durable either way. */
  mkdir(path: string): Promise<void>;
  /** `undefined` when there is nothing at `path`. */
  stat(path: string): Promise<FileStatus | undefined>;
  /** Makes creations, renames and removals in this directory durable. */
  syncDirectory(path: string): Promise<void>;
  /**
   * Takes a directory for this caller alone, also against others in the same process. Ends with
   * `release` or with the process, however that ends.
   */
  lock(directory: string): Promise<LockOutcome>;
}

export interface OpenFileOptions {
  /** `create` makes a new, empty file and empties an existing one. */
  readonly access: "read" | "readWrite" | "create";
  /** Whether each write is on the disk when its promise resolves. */
  readonly durable: boolean;
}

export interface FileHandle {
  /** Reads up to `length` bytes into `target` at `targetOffset`; fewer only at the file's end. */
  read(target: Uint8Array, targetOffset: number, length: number, position: number): Promise<number>;
  /** Writes `source[start, end)` at `position`, all of it. `source` must not change meanwhile. */
  write(source: Uint8Array, start: number, end: number, position: number): Promise<void>;
  /** Makes everything written so far durable. */
  sync(): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

export interface FileStatus {
  readonly kind: "file" | "directory" | "other";
  readonly bytes: number;
}

export type LockOutcome =
  | { readonly kind: "locked"; readonly lock: DirectoryLock }
  /** Someone else has it; `holder` says who, as far as known. */
  | { readonly kind: "held"; readonly holder: string | undefined };

export interface DirectoryLock {
  /** Idempotent. */
  release(): Promise<void>;
}
