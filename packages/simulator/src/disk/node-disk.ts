import type { OpenedStorage, OpenStorageOptions } from "@d-engine/core";
import { FileStorage, nodeSha256, tableCrc32 } from "@d-engine/storage";
import { batchOffsets, type DiskOperation, SimulatedDisk } from "@d-engine/storage/testing";
import type { Prng } from "../prng.js";
import type { Process } from "../world/process.js";
import type { ProcessClock } from "../world/process-clock.js";

export interface NodeDiskProfile {
  /** Median duration of a sync, in milliseconds. */
  readonly syncMs: number;
  /** Size of a log segment: small ones roll often. */
  readonly segmentBytes: number;
  /** Complete snapshots that stay; one more than the newest when it is not said. */
  readonly snapshotsKept?: number;
}

/** The production log store on the simulated disk of one node. Outlives the node's processes. */
export class NodeDisk {
  /** Multiplies every duration; changed by faults. */
  slowness = 1;
  readonly #profile: NodeDiskProfile;
  readonly #random: Prng;
  readonly #disk: SimulatedDisk;
  #process: Process | undefined;

  constructor(profile: NodeDiskProfile, random: Prng) {
    this.#profile = profile;
    this.#random = random;
    this.#disk = new SimulatedDisk({
      random: random.split("medium"),
      schedule: (operation, run) => this.#process?.schedule(this.#durationMs(operation), run),
    });
  }

  /** Opens the data directory for one process. Rejects as `FileStorage.open` does. */
  async open(
    process: Process,
    clock: ProcessClock,
    options: OpenStorageOptions,
  ): Promise<OpenedStorage> {
    this.#process = process;
    const { snapshotsKept } = this.#profile;
    const storage = new FileStorage({
      directory: "/data",
      fileSystem: this.#disk.fileSystem,
      clock,
      crc32: tableCrc32,
      sha256: nodeSha256,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => this.#random.uint32()),
      segmentBytes: this.#profile.segmentBytes,
      snapshotSyncBytes: 256,
      ...(snapshotsKept === undefined ? {} : { snapshotsKept }),
    });
    return await storage.open(options);
  }

  /** The process is gone: the operating system keeps what it was handed. */
  processEnded(): void {
    this.#process = undefined;
    this.#disk.kill();
  }

  /** The machine lost its power: what was not synced is gone, in whole or in part. */
  powerLost(): void {
    this.#process = undefined;
    this.#disk.powerLoss();
  }

  /** The next write or sync fails with EIO, once (scenario 55). */
  failNext(): void {
    this.#disk.fail(({ kind }) => kind === "write" || kind === "sync", "EIO", 1);
  }

  /**
   * Inverts a bit of the log that was on the medium and is followed by something valid: what was
   * acknowledged stood there. `head`: of what the newest segment begins with. Answers where;
   * `undefined` while there is none yet.
   */
  flipSealedBit(
    part: "any" | "head" = "any",
  ): { readonly path: string; readonly offset: number } | undefined {
    const sealed = this.#segments().filter(({ offsets }) => offsets.length > 1);
    if (sealed.length === 0) return undefined;
    const { path, offsets } = part === "head" ? sealed.at(-1)! : this.#random.pick(sealed);
    const end = part === "head" ? offsets[1]! : offsets.at(-1)!;
    const offset = this.#random.between(0, end - 1);
    this.#disk.flip(path, offset, 1 << this.#random.between(0, 7));
    return { path, offset };
  }

  get fileCount(): number {
    return this.#disk.paths().length;
  }

  /** Where batches stand in the newest segment that was begun; for scripts. */
  get newestBatches(): readonly number[] {
    return this.#segments().at(-1)?.offsets ?? [];
  }

  /** The segments that were begun, oldest first, and where their batches stand. */
  #segments(): readonly { readonly path: string; readonly offsets: readonly number[] }[] {
    return this.#disk
      .paths()
      .filter((path) => path.startsWith("/data/log/") && path.endsWith(".log"))
      .map((path) => {
        const ordinal = Number(path.slice("/data/log/".length, -".log".length));
        return { path, offsets: batchOffsets(this.#disk.contentOf(path), ordinal) };
      })
      .filter(({ offsets }) => offsets.length > 0);
  }

  /** Lets the files grow by no more than `bytes` from here on (scenario 56). */
  limitRoom(bytes: number): void {
    this.#disk.capacityBytes = this.#disk.usedBytes + bytes;
  }

  /** Ends every fault. */
  heal(): void {
    this.slowness = 1;
    this.#disk.capacityBytes = Number.POSITIVE_INFINITY;
    this.#disk.heal();
  }

  #durationMs({ kind }: DiskOperation): number {
    const { syncMs } = this.#profile;
    const waitsForMedium = kind === "write" || kind === "sync" || kind === "syncDirectory";
    const medianMs = waitsForMedium ? syncMs : syncMs / 20;
    return medianMs * this.slowness * this.#random.logUniform(0.5, 3);
  }
}
