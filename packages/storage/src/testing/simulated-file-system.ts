import type {
  FileHandle,
  FileStatus,
  FileSystem,
  LockOutcome,
  OpenFileOptions,
} from "../file-system.js";
import { type DiskOperation, diskError } from "./disk-operation.js";
import { SimulatedDirectory } from "./simulated-directory.js";
import type { SimulatedDisk } from "./simulated-disk.js";
import { SimulatedFile } from "./simulated-file.js";

/** What one process sees of a `SimulatedDisk`. */
export class SimulatedFileSystem implements FileSystem {
  readonly #disk: SimulatedDisk;

  constructor(disk: SimulatedDisk) {
    this.#disk = disk;
  }

  open(path: string, options: OpenFileOptions): Promise<FileHandle> {
    return this.#perform("open", path, () => {
      if (options.access !== "read") this.#disk.checkWritable(path);
      const { directory, name } = this.#disk.split(path);
      let file = directory.get(name);
      if (options.access === "create") {
        file ??= this.#makeFile(directory, name);
        file.truncate();
      }
      if (file === undefined) throw diskError("ENOENT", path);
      return new SimulatedFileHandle(this.#disk, this, path, file, options.durable);
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#perform("rename", from, () => {
      this.#disk.checkWritable(from);
      this.#disk.fileAt(from);
      const source = this.#disk.split(from);
      source.directory.rename(source.name, this.#disk.split(to).name);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#perform("unlink", path, () => {
      this.#disk.checkWritable(path);
      this.#disk.fileAt(path);
      const { directory, name } = this.#disk.split(path);
      directory.remove(name);
    });
  }

  readdir(path: string): Promise<readonly string[]> {
    return this.#perform("readdir", path, () => {
      const directory = this.#disk.directories.get(path);
      if (directory === undefined) throw diskError("ENOENT", path);
      const below = [...this.#disk.directories.keys()]
        .filter((other) => other.startsWith(`${path}/`))
        .map((other) => other.slice(path.length + 1))
        .filter((name) => !name.includes("/"));
      return [...directory.names(), ...below];
    });
  }

  mkdir(path: string): Promise<void> {
    return this.#perform("mkdir", path, () => {
      if (this.#disk.directories.has(path)) return;
      this.#disk.checkWritable(path);
      for (let end = path.indexOf("/", 1); end >= 0; end = path.indexOf("/", end + 1)) {
        this.#makeDirectory(path.slice(0, end));
      }
      this.#makeDirectory(path);
    });
  }

  stat(path: string): Promise<FileStatus | undefined> {
    return this.#perform("stat", path, () => {
      if (this.#disk.directories.has(path)) return { kind: "directory", bytes: 0 } as const;
      const { directory, name } = this.#disk.split(path);
      const file = directory.get(name);
      return file === undefined ? undefined : ({ kind: "file", bytes: file.size } as const);
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#perform("syncDirectory", path, () => {
      const directory = this.#disk.directories.get(path);
      if (directory === undefined) throw diskError("ENOENT", path);
      directory.sync();
    });
  }

  lock(directory: string): Promise<LockOutcome> {
    return this.#perform("lock", directory, (): LockOutcome => {
      this.#disk.checkWritable(directory);
      const { locks } = this.#disk;
      if (locks.has(directory)) return { kind: "held", holder: "another user of this disk" };
      locks.add(directory);
      const release = async (): Promise<void> => {
        locks.delete(directory);
      };
      return { kind: "locked", lock: { release } };
    });
  }

  #makeFile(directory: SimulatedDirectory, name: string): SimulatedFile {
    const file = new SimulatedFile();
    directory.set(name, file);
    return file;
  }

  #makeDirectory(path: string): void {
    if (this.#disk.directories.has(path)) return;
    this.#disk.directories.set(path, new SimulatedDirectory());
  }

  #perform<T>(kind: DiskOperation["kind"], path: string, run: () => T): Promise<T> {
    const operation = { kind, path, bytes: 0 };
    return this.#disk.perform(this, operation, () => {
      this.#disk.checkFaults(operation);
      return run();
    });
  }
}

class SimulatedFileHandle implements FileHandle {
  readonly #disk: SimulatedDisk;
  readonly #fileSystem: FileSystem;
  readonly #path: string;
  readonly #file: SimulatedFile;
  readonly #durable: boolean;
  #isOpen = true;

  constructor(
    disk: SimulatedDisk,
    fileSystem: FileSystem,
    path: string,
    file: SimulatedFile,
    durable: boolean,
  ) {
    this.#disk = disk;
    this.#fileSystem = fileSystem;
    this.#path = path;
    this.#file = file;
    this.#durable = durable;
  }

  read(
    target: Uint8Array,
    targetOffset: number,
    length: number,
    position: number,
  ): Promise<number> {
    return this.#perform({ kind: "read", path: this.#path, bytes: length }, (operation) => {
      this.#disk.checkFaults(operation);
      return this.#file.read(target, targetOffset, length, position);
    });
  }

  write(source: Uint8Array, start: number, end: number, position: number): Promise<void> {
    const bytes = source.subarray(start, end);
    const grows = Math.max(0, position + bytes.length - this.#file.size);
    // The process is over; what its remains still call for must not reach the disk.
    if (this.#disk.fileSystem !== this.#fileSystem) return new Promise(() => undefined);
    const lacksRoom = grows > 0 && this.#disk.usedBytes + grows > this.#disk.capacityBytes;
    // In the cache from now on: a crash before the answer may leave any part of it.
    const write = lacksRoom ? undefined : this.#file.issue(bytes, position);
    const operation = { kind: "write", path: this.#path, bytes: bytes.length } as const;
    return this.#perform(operation, () => {
      if (write === undefined) throw diskError("ENOSPC", this.#path);
      try {
        this.#disk.checkFaults(operation);
      } catch (error) {
        this.#file.failed(write);
        throw error;
      }
      this.#file.landed(write, this.#durable);
    });
  }

  sync(): Promise<void> {
    return this.#perform({ kind: "sync", path: this.#path, bytes: 0 }, (operation) => {
      try {
        this.#disk.checkFaults(operation);
      } catch (error) {
        this.#file.syncFailed();
        throw error;
      }
      this.#file.sync();
    });
  }

  close(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    const closing = this.#perform({ kind: "close", path: this.#path, bytes: 0 }, () => undefined);
    this.#isOpen = false;
    return closing;
  }

  #perform<T>(operation: DiskOperation, run: (operation: DiskOperation) => T): Promise<T> {
    if (!this.#isOpen) return Promise.reject(diskError("EBADF", this.#path));
    return this.#disk.perform(this.#fileSystem, operation, () => run(operation));
  }
}
