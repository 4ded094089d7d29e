import {
  type Clock,
  EngineError,
  type NodeIdentity,
  type OpenedStorage,
  type OpenStorageOptions,
  type StorageEngine,
} from "@d-engine/core";
import type { Crc32 } from "./crc32.js";
import { claimDirectory, LOG_NAME, SNAPSHOTS_NAME } from "./directory/data-directory.js";
import { readIdentity, writeIdentity } from "./directory/identity-file.js";
import type { DirectoryLock, FileSystem } from "./file-system.js";
import { SECTOR_BYTES, SEGMENT_OVERHEAD_BYTES } from "./format/log-format.js";
import { createLog } from "./log/create-log.js";
import { type FileLog, openFileLog } from "./log/file-log.js";
import type { CoveringSnapshot } from "./log/lay-snapshot.js";
import type { LogContext } from "./log/log-context.js";
import type { NewSha256 } from "./sha256.js";
import { type FileSnapshotStore, openSnapshotStore } from "./snapshots/file-snapshot-store.js";
import { refuseOrphans } from "./snapshots/find-snapshots.js";
import { type SnapshotContext, SYNC_BYTES } from "./snapshots/snapshot-context.js";
import { isNoSpace } from "./storage-errors.js";

/** What a `FileStorage` stands on. `openFileStorage` fills it in for Node. */
export interface FileStorageOptions extends FileStorageTuning {
  /** Absolute path of the data directory; made if it is missing. */
  readonly directory: string;
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly crc32: Crc32;
  readonly sha256: NewSha256;
  /** `count` bytes that no other run has drawn; cryptographic quality in production. */
  readonly randomBytes: (count: number) => Uint8Array;
  /**
   * How much of a snapshot that is being received a crash may cost; the smaller, the more syncs.
   * @defaultValue 4194304
   */
  readonly snapshotSyncBytes?: number;
}

export interface FileStorageTuning {
  /**
   * Size of a log segment, a multiple of 512 from 4 KiB to 1 GiB. A change applies to new
   * segments. Bounds the size of one entry.
   * @defaultValue 67108864
   */
  readonly segmentBytes?: number;
  /**
   * Most bytes of one group commit, a multiple of 512; more waits for the next. A single larger
   * entry still goes out, alone. Lowered to what a segment takes.
   * @defaultValue 8388608
   */
  readonly batchBytesMax?: number;
  /**
   * Idle time after which the newest batch is sealed (rule R8), in milliseconds.
   * @defaultValue 20
   */
  readonly sealAfterMs?: number;
  /**
   * Purged segments kept for reuse; what is purged beyond that is deleted.
   * @defaultValue 4
   */
  readonly spareSegmentsMax?: number;
  /**
   * Complete snapshots kept on the disk, from 1 to 1000; older ones are removed, unless they are
   * open. When the disk is full, all but the newest are.
   * @defaultValue 2
   */
  readonly snapshotsKept?: number;
}

export const STORAGE_DEFAULTS = Object.freeze({
  segmentBytes: 64 * 1024 * 1024,
  batchBytesMax: 8 * 1024 * 1024,
  sealAfterMs: 20,
  spareSegmentsMax: 4,
  snapshotsKept: 2,
});

/**
 * A data directory on a file system: `identity.json`, `lock/`, `log/`, `snapshots/`. Constructing does no I/O.
 *
 * A crash at any point of the first `open` leaves a directory that opens the next time: the
 * identity is written last, and without it the rest is made anew.
 */
export class FileStorage implements StorageEngine {
  readonly #context: LogContext;
  readonly #snapshotContext: SnapshotContext;
  readonly #directory: string;

  /** Throws `INVALID_REQUEST` for an option out of range. */
  constructor(options: FileStorageOptions) {
    this.#directory = options.directory;
    const { log, snapshots } = resolveOptions(options);
    this.#context = log;
    this.#snapshotContext = snapshots;
  }

  /**
   * Takes the directory for this caller alone, recovers its log and lays the newest snapshot over
   * it (rule R9), or makes all of it. Rejects with
   * `DATA_DIR_LOCKED`, `DATA_CORRUPTION`, `VERSION_MISMATCH`, `INVALID_REQUEST` (the directory
   * holds something else), `DISK_FULL`, `STORAGE_PERMISSION_DENIED` or `STORAGE_IO_ERROR`.
   */
  async open(options: OpenStorageOptions): Promise<OpenedStorage> {
    const lock = await claimDirectory(this.#context.fileSystem, this.#directory);
    try {
      const identity = (await this.#readIdentity()) ?? (await this.#create(options));
      const onNotice = options.onNotice ?? (() => undefined);
      const snapshots = await openSnapshotStore(this.#snapshotContext, onNotice);
      const log = await openFileLog(this.#context, options, newestOf(snapshots));
      return new OpenedFileStorage({ identity, log, snapshots, lock });
    } catch (error) {
      await lock.release();
      throw this.#withoutSpace(error);
    }
  }

  #readIdentity(): Promise<NodeIdentity | undefined> {
    return readIdentity(this.#context.fileSystem, this.#directory, this.#context.crc32);
  }

  async #create(options: OpenStorageOptions): Promise<NodeIdentity> {
    await refuseOrphans(this.#snapshotContext);
    await createLog(this.#context);
    const identity = await options.createIdentity();
    const { fileSystem, crc32 } = this.#context;
    await writeIdentity(fileSystem, this.#directory, identity, crc32);
    return identity;
  }

  /** A full disk is no broken one: there is nothing to fear for what is stored. */
  #withoutSpace(error: unknown): unknown {
    if (!(error instanceof EngineError) || !isNoSpace(error.cause)) return error;
    const bytes = this.#context.segmentBytes;
    const message = `${this.#directory} has no room for a log segment of ${bytes} bytes: free some`;
    return new EngineError("DISK_FULL", message, { cause: error.cause });
  }
}

/** The newest snapshot, as the log wants it. */
function newestOf(snapshots: FileSnapshotStore): CoveringSnapshot | undefined {
  const lastIncluded = snapshots.newest?.lastIncluded;
  if (lastIncluded === undefined) return undefined;
  return { lastIncluded, verify: () => snapshots.verify(lastIncluded) };
}

interface OpenedParts {
  readonly identity: NodeIdentity;
  readonly log: FileLog;
  readonly snapshots: FileSnapshotStore;
  readonly lock: DirectoryLock;
}

class OpenedFileStorage implements OpenedStorage {
  readonly #parts: OpenedParts;
  #closing: Promise<void> | undefined;

  constructor(parts: OpenedParts) {
    this.#parts = parts;
  }

  get identity(): NodeIdentity {
    return this.#parts.identity;
  }

  get log(): FileLog {
    return this.#parts.log;
  }

  get snapshots(): FileSnapshotStore {
    return this.#parts.snapshots;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { log, snapshots, lock } = this.#parts;
    try {
      await Promise.all([log.close(), snapshots.close()]);
    } finally {
      await lock.release();
    }
  }
}

interface ResolvedContexts {
  readonly log: LogContext;
  readonly snapshots: SnapshotContext;
}

function resolveOptions(options: FileStorageOptions): ResolvedContexts {
  const { directory, fileSystem, clock, crc32, sha256, randomBytes } = options;
  const tuning = { ...STORAGE_DEFAULTS, ...withoutUndefined(options) };
  const { segmentBytes, sealAfterMs, spareSegmentsMax, snapshotsKept } = tuning;
  const problems = [
    range("segmentBytes", segmentBytes, segmentBytesMin, segmentBytesMax, SECTOR_BYTES),
    range("batchBytesMax", tuning.batchBytesMax, batchBytesMin, segmentBytesMax, SECTOR_BYTES),
    range("sealAfterMs", sealAfterMs, 1, 60_000, 1),
    range("spareSegmentsMax", spareSegmentsMax, 0, 1024, 1),
    range("snapshotsKept", snapshotsKept, 1, 1000, 1),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new EngineError("INVALID_REQUEST", problems.join("; "));
  const batchBytesMax = Math.min(tuning.batchBytesMax, segmentBytes - SEGMENT_OVERHEAD_BYTES);
  const log = Object.freeze({
    directory: `${directory}/${LOG_NAME}`,
    fileSystem,
    clock,
    crc32,
    randomBytes,
    segmentBytes,
    batchBytesMax,
    sealAfterMs,
    spareSegmentsMax,
  });
  const snapshotDirectory = `${directory}/${SNAPSHOTS_NAME}`;
  const syncBytes = options.snapshotSyncBytes ?? SYNC_BYTES;
  const snapshots = { directory: snapshotDirectory, fileSystem, sha256, snapshotsKept, syncBytes };
  return { log, snapshots: Object.freeze(snapshots) };
}

function withoutUndefined(options: FileStorageTuning): FileStorageTuning {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function range(
  name: string,
  value: number,
  min: number,
  max: number,
  step: number,
): string | undefined {
  if (Number.isInteger(value) && value >= min && value <= max && value % step === 0)
    return undefined;
  const steps = step === 1 ? "an integer" : `a multiple of ${step}`;
  return `${name} must be ${steps} from ${min} to ${max}, got ${value}`;
}

const segmentBytesMin = 4096;
const segmentBytesMax = 1024 * 1024 * 1024;
const batchBytesMin = 1024;
