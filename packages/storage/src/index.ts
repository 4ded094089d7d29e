export type { Crc32 } from "./crc32.js";
export { tableCrc32 } from "./crc32.js";
export type { FileStorageOptions, FileStorageTuning } from "./file-storage.js";
export { FileStorage, STORAGE_DEFAULTS } from "./file-storage.js";
export type {
  DirectoryLock,
  FileHandle,
  FileStatus,
  FileSystem,
  LockOutcome,
  OpenFileOptions,
} from "./file-system.js";
export type { MemoryStorageOptions } from "./memory/memory-storage.js";
export { MemoryStorage } from "./memory/memory-storage.js";
export { nodeClock } from "./node/node-clock.js";
export { nodeFileSystem } from "./node/node-file-system.js";
export { nodeSha256 } from "./node/node-sha256.js";
export type { NodeFileStorageOptions } from "./node/open-file-storage.js";
export { nodeFileStorage, openFileStorage } from "./node/open-file-storage.js";
export type { NewSha256, Sha256 } from "./sha256.js";
export { readSmallFile, replaceSmallFile } from "./small-file.js";
