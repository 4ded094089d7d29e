import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import type { FileHandle, FileStatus, FileSystem, OpenFileOptions } from "../file-system.js";
import { errnoOf } from "../storage-errors.js";
import { lockDirectory } from "./directory-lock.js";

/** The file system of this machine. Without state; one for the process is enough. */
export const nodeFileSystem: FileSystem = {
  async open(file: string, options: OpenFileOptions): Promise<FileHandle> {
    const durable = options.durable && options.access !== "read";
    const flags = accessFlags[options.access] | (durable ? (dataSyncFlag ?? 0) : 0);
    const fd = await open(file, flags, 0o644);
    return new NodeFileHandle(fd, durable && dataSyncFlag === undefined);
  },
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (file) => fs.promises.unlink(file),
  readdir: (directory) => fs.promises.readdir(directory),
  mkdir: makeDirectory,
  async stat(file: string): Promise<FileStatus | undefined> {
    try {
      const stats = await fs.promises.stat(file);
      const kind = stats.isFile() ? "file" : stats.isDirectory() ? "directory" : "other";
      return { kind, bytes: stats.size };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  },
  syncDirectory,
  lock: lockDirectory,
};

const open = promisify(fs.open);

/**
 * Set where the flag makes each write reach the medium. macOS has no such promise behind it, and
 * Windows no such flag: there each write is followed by a sync.
 */
const dataSyncFlag: number | undefined =
  process.platform === "darwin" || process.platform === "win32" ? undefined : fs.constants.O_DSYNC;

const accessFlags = {
  read: fs.constants.O_RDONLY,
  readWrite: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
};

/** Each new name is durable once the directory that holds it is synced. */
async function makeDirectory(directory: string): Promise<void> {
  const full = path.resolve(directory);
  if (await makeMissing(full)) return;
  try {
    // Whoever made it may have been killed before it synced that.
    await syncDirectory(path.dirname(full));
  } catch (error) {
    // Made by someone with more rights, who alone can look after its name.
    if (errnoOf(error) !== "EACCES") throw error;
  }
}

/**
 * Makes `full` and what is missing above it; false when it was there. Not by the recursive mkdir
 * of Node, which never returns where the system says ENOENT below a directory that exists (/proc).
 */
async function makeMissing(full: string): Promise<boolean> {
  const parent = path.dirname(full);
  try {
    if (!(await makeOne(full))) return false;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || parent === full) throw error;
    await makeMissing(parent);
    await makeOne(full); // once more, and no further: the parent may not let anything be made
  }
  await syncDirectory(parent);
  return true;
}

/** False when the directory was there. */
async function makeOne(full: string): Promise<boolean> {
  try {
    await fs.promises.mkdir(full);
    return true;
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
    if ((await fs.promises.stat(full)).isDirectory()) return false;
    throw error;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory, and makes names durable by itself.
  if (process.platform === "win32") return;
  const handle = await fs.promises.open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A bare descriptor and callbacks: per write, a `FileHandle` of Node costs more than it gives. */
class NodeFileHandle implements FileHandle {
  #fd: number | undefined;
  readonly #syncAfterWrite: boolean;

  constructor(fd: number, syncAfterWrite: boolean) {
    this.#fd = fd;
    this.#syncAfterWrite = syncAfterWrite;
  }

  async read(
    target: Uint8Array,
    targetOffset: number,
    length: number,
    position: number,
  ): Promise<number> {
    const fd = this.#open();
    return new Promise((resolve, reject) => {
      fs.read(fd, target, targetOffset, length, position, (error, count) => {
        if (error !== null) reject(error);
        else resolve(count);
      });
    });
  }

  async write(source: Uint8Array, start: number, end: number, position: number): Promise<void> {
    const fd = this.#open();
    const written = new Promise<void>((resolve, reject) => {
      const writeFrom = (from: number, at: number): void => {
        fs.write(fd, source, from, end - from, at, (error, count) => {
          if (error !== null) reject(error);
          else if (from + count >= end) resolve();
          else if (count === 0) reject(noProgress());
          else writeFrom(from + count, at + count);
        });
      };
      writeFrom(start, position);
    });
    await written;
    if (this.#syncAfterWrite) await this.sync();
  }

  async sync(): Promise<void> {
    const fd = this.#open();
    return new Promise((resolve, reject) => {
      // The whole of it, not the data alone: only that reaches the medium on macOS.
      fs.fsync(fd, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): Promise<void> {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd === undefined) return Promise.resolve();
    return new Promise((resolve, reject) => {
      fs.close(fd, (error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
  }

  #open(): number {
    if (this.#fd !== undefined) return this.#fd;
    throw Object.assign(new Error("the file is closed"), { code: "EBADF" });
  }
}

function noProgress(): Error {
  return Object.assign(new Error("a write wrote nothing"), { code: "EIO" });
}
