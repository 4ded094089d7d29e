import type { Bytes, CallOptions, PutOptions, PutResult } from "@d-engine/client";
import type { Held } from "../lock/held.js";
import type { HeldTxn } from "../lock/held-txn.js";
import type { Hold } from "../lock/hold.js";

/** The lead in an election, held. Its `token` is higher than that of every leader before. */
export interface Leadership extends Held, AsyncDisposable {
  /**
   * Sets what `observe` tells of this leader, its address for instance. Resolves once that is
   * durable; rejects with `LOCK_LOST` when it does not lead any more, and then nothing was set.
   */
  proclaim(value: Bytes, options?: CallOptions): Promise<void>;
  /**
   * Gives the lead up. Resolves when the next may have it: a removal whose answer is missing is
   * repeated, at most until the lease behind the lead has ended. Never rejects.
   */
  resign(): Promise<void>;
}

/** A place at the head of an election's queue, by the names that elections use. */
export class HeldLeadership implements Leadership {
  readonly #hold: Hold;

  constructor(hold: Hold) {
    this.#hold = hold;
  }

  get name(): string {
    return this.#hold.name;
  }

  get token(): number {
    return this.#hold.token;
  }

  get signal(): AbortSignal {
    return this.#hold.signal;
  }

  get isHeld(): boolean {
    return this.#hold.isHeld;
  }

  /** Whether it was given up by its holder, and not lost. */
  get isResigned(): boolean {
    return this.#hold.isReleased;
  }

  assertHeld(): void {
    this.#hold.assertHeld();
  }

  put(key: Bytes, value: Bytes, options?: PutOptions): Promise<PutResult> {
    return this.#hold.put(key, value, options);
  }

  delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    return this.#hold.delete(key, options);
  }

  txn(): HeldTxn {
    return this.#hold.txn();
  }

  proclaim(value: Bytes, options?: CallOptions): Promise<void> {
    return this.#hold.revalue(value, options);
  }

  resign(): Promise<void> {
    return this.#hold.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.resign();
  }
}
