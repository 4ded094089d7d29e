import type { LogIndex } from "../ids.js";
import type { MembershipConfiguration } from "../membership/configuration.js";

/**
 * The replicated state. All calls are synchronous, in log order, and must give the same state and
 * results on every node: no clock, no randomness, no dependence on locale or iteration order.
 *
 * @typeParam Result what applying one command answers to whoever proposed it
 *
 * @example
 * class Counter implements StateMachine<number> {
 *   lastApplied = 0 as LogIndex;
 *   #total = 0;
 *   validate(): void {}
 *   apply(index: LogIndex, command: Uint8Array): number {
 *     this.lastApplied = index;
 *     return (this.#total += command.length);
 *   }
 *   skip(index: LogIndex): void { this.lastApplied = index; }
 * }
 */
export interface StateMachine<Result = unknown> {
  /** Index of the last entry that `apply` or `skip` was called with; 0 before the first. */
  readonly lastApplied: LogIndex;
  /**
   * Looks at a command before the leader appends it (rule R14). Throws `EngineError`
   * `INVALID_REQUEST` when `apply` could not execute it.
   */
  validate(command: Uint8Array): void;
  /**
   * Executes one committed command. `index` is always `lastApplied + 1`. The bytes belong to the
   * log: keep views of them, never write to them. Throwing stops the node.
   */
  apply(index: LogIndex, command: Uint8Array): Result;
  /** Moves `lastApplied` past an entry without a command (noop, configuration). */
  skip(index: LogIndex): void;
  /** The members as of the entry skipped last, or of the snapshot restored. Optional. */
  configured?(configuration: MembershipConfiguration): void;
  /**
   * The state as of `lastApplied`, for ever, whatever is applied meanwhile. Returns in about a
   * millisecond. Without it and `restore`, the log of the node is never purged.
   */
  snapshot?(): StateSnapshot;
  /** Begins a replacement of the whole state, which goes on serving until `finish`. */
  restore?(): StateRestoration;
}

/** One record of a snapshot. The first byte of the key names its namespace. */
export interface SnapshotRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** The first bytes of keys in a snapshot, and who writes them. */
export const SNAPSHOT_NAMESPACE = Object.freeze({
  /** The driver: the membership configuration. */
  configuration: 0x01,
  /** The system's own state around the users' state machine: instances, seals. */
  system: 0x02,
  /** From here on the namespaces of the users' state machine. */
  stateMachineFrom: 0x20,
});

/** A frozen state that is read piece by piece, so that the event loop turns in between. */
export interface StateSnapshot {
  readonly lastApplied: LogIndex;
  /**
   * The next records in a fixed order, about `bytesMax` bytes of them but at least one; none at
   * the end. May be called again whenever the caller has time.
   */
  next(bytesMax: number): readonly SnapshotRecord[];
  /** Lets go of the frozen state. Idempotent. */
  release(): void;
}

/** A state that is being built beside the one in use. Dropped by forgetting it. */
export interface StateRestoration {
  /**
   * Takes the next record, in the order in which the snapshot gave them. Its bytes are a view of
   * what was received: copy what is kept.
   *
   * @throws EngineError `DATA_CORRUPTION`, `VERSION_MISMATCH` for a record it does not know
   */
  add(record: SnapshotRecord): void;
  /**
   * Replaces the state in one step, in constant time; `lastApplied` of the machine follows.
   *
   * @throws EngineError `DATA_CORRUPTION` when records are missing; the state is then unchanged
   */
  finish(lastApplied: LogIndex): void;
}
