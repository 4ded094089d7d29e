import type { OpenStorageOptions } from "@d-engine/core";
import { tableCrc32 } from "../crc32.js";
import { FileStorage, type FileStorageTuning } from "../file-storage.js";
import { nodeSha256 } from "../node/node-sha256.js";
import { LogSession, openOptions } from "./log-session.js";
import { ManualClock } from "./manual-clock.js";
import { randomBytesOf, seededRandom } from "./seeded-random.js";
import { SimulatedDisk, type SimulatedDiskOptions } from "./simulated-disk.js";

/** A `FileStorage` on a disk of its own that can fail: what most tests of the log stand on. */
export class SimulatedStorage {
  readonly disk: SimulatedDisk;
  readonly clock = new ManualClock();
  readonly notices: string[] = [];
  readonly #tuning: FileStorageTuning;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(
    seed: number,
    tuning: FileStorageTuning = {},
    disk: Pick<SimulatedDiskOptions, "schedule"> = {},
  ) {
    const random = seededRandom(seed);
    this.disk = new SimulatedDisk({ random, ...disk });
    this.#randomBytes = randomBytesOf(random);
    this.#tuning = { ...smallTuning, ...tuning };
  }

  /** Opens `/data` as the running process, by other settings if given, as `FileStorage.open` does. */
  async open(
    options: Partial<OpenStorageOptions> = {},
    tuning: FileStorageTuning = {},
  ): Promise<LogSession> {
    const storage = new FileStorage({
      ...this.#tuning,
      ...tuning,
      directory: "/data",
      fileSystem: this.disk.fileSystem,
      clock: this.clock,
      crc32: tableCrc32,
      sha256: nodeSha256,
      randomBytes: this.#randomBytes,
    });
    const onNotice = (notice: string): void => {
      this.notices.push(notice);
    };
    return new LogSession(await storage.open(openOptions({ onNotice, ...options })));
  }

  /** Lets the idle time pass, and waits for what it starts. */
  async idle(): Promise<void> {
    this.clock.advance(1_000);
    await settled();
  }
}

/** Waits until microtasks alone bring nothing forward any more. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

/** Small segments: the disk keeps them in memory, and tests look at every byte. */
const smallTuning = { segmentBytes: 16 * 1024, batchBytesMax: 4 * 1024 };
