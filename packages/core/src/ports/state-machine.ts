import type { LogIndex } from "../ids.js";

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
}
