export { batchOffsets } from "./batch-offsets.js";
export type { LogStoreFixture } from "./contract-tools.js";
export { describeLogStore } from "./describe-log-store.js";
export { describeSnapshotStore } from "./describe-snapshot-store.js";
export type { DiskOperation } from "./disk-operation.js";
export { diskError } from "./disk-operation.js";
export type { SessionWrite } from "./log-session.js";
export {
  commandEntries,
  commandEntry,
  entryOf,
  entryText,
  hardStateOf,
  LogSession,
  openOptions,
  testIdentity,
} from "./log-session.js";
export { ManualClock } from "./manual-clock.js";
export { randomBytesOf, seededRandom } from "./seeded-random.js";
export type { SimulatedDiskOptions } from "./simulated-disk.js";
export { SimulatedDisk } from "./simulated-disk.js";
export { SimulatedStorage, settled } from "./simulated-storage.js";
