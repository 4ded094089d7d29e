/** What tests and tools of this repository look at; no program does. */
export type { FileHandle, FileSystem, OpenFileOptions } from "./file-system.js";
export { readDataRecords } from "./log/data-records.js";
