import type {
  CallOptions,
  Txn,
  TxnCondition,
  TxnParts,
  TxnResult,
  TxnStep,
} from "@d-engine/client";

/** What carries a transaction out for who holds something. */
export interface TxnGuard {
  /** An empty transaction of the client. */
  begin(): Txn;
  /** @throws EngineError `LOCK_LOST` */
  commit(parts: TxnParts, options: CallOptions | undefined): Promise<TxnResult>;
}

/**
 * A transaction in the making, as `Txn` is, which nothing comes of once the lock is lost. It is a
 * value: each method gives another one, nothing is sent before `commit`.
 *
 * @example
 * const { succeeded } = await lock
 *   .txn()
 *   .if({ key: "balance", value: "100" })
 *   .then({ kind: "put", key: "balance", value: "70" })
 *   .commit();
 */
export class HeldTxn {
  readonly #guard: TxnGuard;
  readonly #parts: TxnParts;

  constructor(guard: TxnGuard, parts: TxnParts = {}) {
    this.#guard = guard;
    this.#parts = parts;
  }

  /** More conditions: with the earlier ones, all must hold. */
  if(...conditions: readonly TxnCondition[]): HeldTxn {
    this.#guard.begin().if(...conditions);
    const { if: before = [] } = this.#parts;
    return new HeldTxn(this.#guard, { ...this.#parts, if: [...before, ...conditions] });
  }

  /** More steps for when all conditions hold. */
  // biome-ignore lint/suspicious/noThenProperty: the name that transactions have everywhere
  then(...steps: readonly TxnStep[]): HeldTxn {
    // Checked here too, so that `await` on a builder says what is missing.
    this.#guard.begin().then(...steps);
    const { then: before = [] } = this.#parts;
    // biome-ignore lint/suspicious/noThenProperty: as above
    return new HeldTxn(this.#guard, { ...this.#parts, then: [...before, ...steps] });
  }

  /** More steps for when a condition does not hold. */
  else(...steps: readonly TxnStep[]): HeldTxn {
    this.#guard.begin().else(...steps);
    const { else: before = [] } = this.#parts;
    return new HeldTxn(this.#guard, { ...this.#parts, else: [...before, ...steps] });
  }

  /**
   * Carries it out in one round trip. Rejects as writes do, and with `LOCK_LOST` when the lock is
   * lost: then nothing was done.
   */
  commit(options?: CallOptions): Promise<TxnResult> {
    return this.#guard.commit(this.#parts, options);
  }
}
