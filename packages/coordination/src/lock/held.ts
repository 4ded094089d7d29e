import type { Bytes, CallOptions, PutOptions, PutResult } from "@d-engine/client";
import type { HeldTxn } from "./held-txn.js";

/**
 * Something that is held, and may be lost: by `resign` or `release`, by a process that stood still
 * for too long, by a network that let no renewal through. It is lost for its holder a tenth of the
 * time to live before the cluster would give it to another, by the clock of this process alone, so
 * while this process gets its turns its work is told in time (rule R18). A process that was stopped
 * finds out at its first turn after that: every call below fails without being sent, `assertHeld`
 * throws, and the signal aborts.
 *
 * What was already sent, and every effect outside of the engine, no clock can call back. There only
 * the `token` protects: hand it on with each request, and let the other side refuse a lower one than
 * the highest it has seen. `put`, `delete` and `txn` do that within the engine.
 */
export interface Held {
  readonly name: string;
  /** The fencing token: higher than that of everybody who held this name before. */
  readonly token: number;
  /** Aborts when it is not held any more, with `LOCK_LOST`, or with the reason of the caller's signal. */
  readonly signal: AbortSignal;
  /** Whether it is surely held at this moment. */
  readonly isHeld: boolean;
  /** Throws `LOCK_LOST` unless it is surely held at this moment, also before `signal` could abort. */
  assertHeld(): void;
  /** Sets a key, if this is still held when the write takes effect; otherwise `LOCK_LOST`. */
  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult>;
  /** Removes a key likewise; resolves to whether it existed. */
  delete(key: Bytes, options?: CallOptions): Promise<boolean>;
  /**
   * Begins a transaction that takes effect only if this is still held then.
   *
   * @example
   * await lock.txn().then({ kind: "put", key: "balance", value: "70" }).commit();
   */
  txn(): HeldTxn;
}

/** A lock that is held. */
export interface Lock extends Held, AsyncDisposable {
  /**
   * Gives it up. Resolves when the next may have it: a removal whose answer is missing is repeated,
   * at most until the lease behind the lock has ended. Never rejects.
   */
  release(): Promise<void>;
}
