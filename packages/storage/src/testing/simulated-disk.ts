import type { Random } from "@d-engine/core";
import type { FileSystem } from "../file-system.js";
import { type DiskOperation, diskError } from "./disk-operation.js";
import type { SimulatedDirectory } from "./simulated-directory.js";
import type { SimulatedFile } from "./simulated-file.js";
import { SimulatedFileSystem } from "./simulated-file-system.js";

export interface SimulatedDiskOptions {
  /** Seeded; decides what a crash leaves. */
  readonly random: Random;
  /**
   * Calls `run` when the operation is done, in a turn of its own: how slow the disk is.
   * @defaultValue the next microtask
   */
  readonly schedule?: (operation: DiskOperation, run: () => void) => void;
  /** @defaultValue without bound */
  readonly capacityBytes?: number;
}

interface Fault {
  readonly matches: (operation: DiskOperation) => boolean;
  readonly errno: string;
  times: number;
}

/**
 * A disk in memory that fails like a real one: what is not synced may vanish by sectors and by
 * names, writes tear, space runs out, syncs fail and lie afterwards, bytes flip.
 *
 * `fileSystem` serves one process at a time: after `kill` or `powerLoss` the old one never answers
 * again, as nobody is there to hear it, and the property gives a new one.
 */
export class SimulatedDisk {
  readonly #random: Random;
  readonly #schedule: (operation: DiskOperation, run: () => void) => void;
  readonly #directories = new Map<string, SimulatedDirectory>();
  #faults: Fault[] = [];
  #locks = new Set<string>();
  #fileSystem: SimulatedFileSystem;
  /** Most bytes that all files together may have. */
  capacityBytes: number;
  /** The error of every operation that would change something; `undefined`: none. */
  writeProtection: "EROFS" | "EACCES" | undefined;

  constructor(options: SimulatedDiskOptions) {
    this.#random = options.random;
    this.#schedule = options.schedule ?? ((_, run) => queueMicrotask(run));
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#fileSystem = new SimulatedFileSystem(this);
  }

  get fileSystem(): FileSystem {
    return this.#fileSystem;
  }

  /** The next `times` operations that match fail with `errno`. */
  fail(
    matches: (operation: DiskOperation) => boolean,
    errno: string,
    times: number = Number.POSITIVE_INFINITY,
  ): void {
    this.#faults.push({ matches, errno, times });
  }

  /** No operation fails on command any more. */
  heal(): void {
    this.#faults = [];
  }

  /** The process ends (`kill -9`): names and cached bytes stay, writes under way tear. */
  kill(): void {
    this.#endProcess();
    for (const file of this.#files()) file.kill(this.#random);
  }

  /** The machine ends: what was not synced is lost, in whole or in part. */
  powerLoss(): void {
    this.#endProcess();
    for (const file of this.#files()) file.powerLoss(this.#random);
    for (const directory of this.#directories.values()) directory.powerLoss(this.#random);
  }

  /** What a read of the whole file would give. */
  contentOf(path: string): Uint8Array {
    return this.fileAt(path).content();
  }

  /** Replaces a file's content durably, behind everyone's back. */
  replace(path: string, content: Uint8Array): void {
    this.fileAt(path).replace(content);
  }

  /** Inverts the bits of `mask` in one byte, durably. */
  flip(path: string, offset: number, mask = 0xff): void {
    const content = this.contentOf(path);
    content[offset]! ^= mask;
    this.replace(path, content);
  }

  /** Removes a name durably, behind everyone's back. */
  remove(path: string): void {
    const { directory, name } = this.split(path);
    directory.remove(name);
    directory.sync();
  }

  /** Paths of all files. */
  paths(): readonly string[] {
    const paths: string[] = [];
    for (const [path, directory] of this.#directories) {
      for (const name of directory.names()) paths.push(`${path}/${name}`);
    }
    return paths.sort();
  }

  /** For the file system of the running process. */
  perform<T>(caller: FileSystem, operation: DiskOperation, run: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#schedule(operation, () => {
        // Nobody is left to hear of it.
        if (caller !== this.#fileSystem) return;
        try {
          resolve(run());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Throws the fault that was ordered for this operation, if there is one. */
  checkFaults(operation: DiskOperation): void {
    const fault = this.#faults.find((other) => other.times > 0 && other.matches(operation));
    if (fault === undefined) return;
    fault.times--;
    throw diskError(fault.errno, operation.path);
  }

  checkWritable(path: string): void {
    if (this.writeProtection !== undefined) throw diskError(this.writeProtection, path);
  }

  get usedBytes(): number {
    let bytes = 0;
    for (const directory of this.#directories.values()) bytes += directory.bytes;
    return bytes;
  }

  get locks(): Set<string> {
    return this.#locks;
  }

  get directories(): Map<string, SimulatedDirectory> {
    return this.#directories;
  }

  fileAt(path: string): SimulatedFile {
    const { directory, name } = this.split(path);
    const file = directory.get(name);
    if (file === undefined) throw diskError("ENOENT", path);
    return file;
  }

  split(path: string): { readonly directory: SimulatedDirectory; readonly name: string } {
    const slash = path.lastIndexOf("/");
    const directory = this.#directories.get(path.slice(0, slash));
    if (directory === undefined) throw diskError("ENOENT", path);
    return { directory, name: path.slice(slash + 1) };
  }

  #endProcess(): void {
    this.#fileSystem = new SimulatedFileSystem(this);
    this.#locks = new Set();
  }

  #files(): Set<SimulatedFile> {
    const files = new Set<SimulatedFile>();
    for (const directory of this.#directories.values()) {
      for (const file of directory.files()) files.add(file);
    }
    return files;
  }
}
