import type { LogId } from "../ids.js";
import type { SnapshotLabel } from "../message.js";

/**
 * The snapshots of one node. A snapshot is durable under its name as a whole or not at all; what
 * a crash left half written is removed or, when it was being received, taken up again.
 */
export interface SnapshotStore {
  /** The newest complete one. */
  readonly newest: SnapshotLabel | undefined;
  /** Complete ones on the disk, oldest first. */
  readonly retained: readonly SnapshotLabel[];
  /**
   * Begins a snapshot of this node's own state. Rejects with `DISK_FULL` when there is no room
   * even without the older ones, which are then removed but for the newest (rule R10).
   */
  create(lastIncluded: LogId): Promise<SnapshotWriter>;
  /**
   * Begins to receive a snapshot, or goes on with one of the same label: `writer.bytes` says from
   * where. A partial one of another label is given up.
   */
  receive(label: SnapshotLabel): Promise<SnapshotWriter>;
  /** Opens a complete one. Rejects with `INVALID_REQUEST` when it is not retained any more. */
  open(lastIncluded: LogId): Promise<SnapshotFile>;
}

export interface SnapshotWriter {
  /** Bytes taken so far. */
  readonly bytes: number;
  /** Appends; one call at a time. Rejects with `DISK_FULL` or `STORAGE_IO_ERROR`. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Makes it durable under its name, and removes what retention no longer wants; never one that
   * is open. Rejects with `DATA_CORRUPTION` when the bytes do not have the announced checksum.
   */
  commit(): Promise<SnapshotLabel>;
  /** Removes what was written. Idempotent. */
  abort(): Promise<void>;
  /** Closes, and keeps what was received for a later `receive`. Idempotent. */
  suspend(): Promise<void>;
}

/** A complete snapshot. It stays on the disk as long as it is open. */
export interface SnapshotFile {
  readonly label: SnapshotLabel;
  /** Up to `length` bytes from `position` on; fewer only at the end. */
  read(position: number, length: number): Promise<Uint8Array>;
  /**
   * The whole file in pieces of about `pieceBytes`. Rejects behind the last piece with
   * `DATA_CORRUPTION` when the checksum is not the label's: trust nothing before it has ended.
   */
  pieces(pieceBytes: number): AsyncIterable<Uint8Array>;
  /** Idempotent. */
  close(): Promise<void>;
}
