import type { FileSystem } from "../file-system.js";
import type { NewSha256 } from "../sha256.js";

/** What every part of a snapshot store works with. All fields are resolved: no defaults here. */
export interface SnapshotContext {
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly sha256: NewSha256;
  readonly snapshotsKept: number;
  /** A partial snapshot is synced each time this much has come: what a crash may cost. */
  readonly syncBytes: number;
}

/** What is hashed, read or written in one go; the event loop is free in between. */
export const PIECE_BYTES = 256 * 1024;

/** The usual `syncBytes`. */
export const SYNC_BYTES = 4 * 1024 * 1024;
