import * as fs from "node:fs/promises";
import * as os from "node:os";
import * as path from "node:path";
import { describe } from "vitest";
import { tableCrc32 } from "../crc32.js";
import { FileStorage } from "../file-storage.js";
import { MemoryStorage } from "../memory/memory-storage.js";
import { nodeClock } from "../node/node-clock.js";
import { nodeSha256 } from "../node/node-sha256.js";
import { nodeFileStorage } from "../node/open-file-storage.js";
import type { LogStoreFixture } from "./contract-tools.js";
import { describeLogStore } from "./describe-log-store.js";
import { describeSnapshotStore } from "./describe-snapshot-store.js";
import { ManualClock } from "./manual-clock.js";
import { randomBytesOf, seededRandom } from "./seeded-random.js";
import { SimulatedDisk } from "./simulated-disk.js";

/** Small segments, so that every test that writes a little rolls a few times. */
const tuning = { segmentBytes: 16 * 1024, batchBytesMax: 4 * 1024 };

async function memoryStorage(): Promise<LogStoreFixture> {
  const storage = new MemoryStorage(nodeClock);
  return { storage: () => storage, crash: () => storage.crash(), dispose: async () => undefined };
}

async function realFiles(): Promise<LogStoreFixture> {
  const directory = await fs.mkdtemp(path.join(os.tmpdir(), "d-engine-log-"));
  return {
    storage: () => nodeFileStorage(path.join(directory, "data"), tuning),
    crash: undefined,
    dispose: () => fs.rm(directory, { recursive: true }),
  };
}

let seed = 1;

async function simulatedDisk(crash: (disk: SimulatedDisk) => void): Promise<LogStoreFixture> {
  const random = seededRandom(seed++);
  const disk = new SimulatedDisk({ random });
  const clock = new ManualClock();
  return {
    storage: () =>
      new FileStorage({
        ...tuning,
        directory: "/data",
        fileSystem: disk.fileSystem,
        clock,
        crc32: tableCrc32,
        sha256: nodeSha256,
        randomBytes: randomBytesOf(random),
      }),
    crash: () => crash(disk),
    dispose: async () => undefined,
  };
}

for (const describeStore of [describeLogStore, describeSnapshotStore]) {
  describeStore("MemoryStorage on real time", memoryStorage);
  describeStore("FileStorage on real files", realFiles);
  describe.each([
    { name: "killed", crash: (disk: SimulatedDisk) => disk.kill() },
    { name: "losing power", crash: (disk: SimulatedDisk) => disk.powerLoss() },
  ])("$name", ({ crash }) => {
    describeStore("FileStorage on a simulated disk", () => simulatedDisk(crash));
  });
}
