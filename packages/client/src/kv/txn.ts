import { EngineError } from "@d-engine/core";
import type { CallOptions } from "../engine-client.js";
import type { KvPort } from "./kv-port.js";
import {
  type TxnBranch,
  type TxnCondition,
  type TxnParts,
  type TxnStep,
  txnBranchOf,
  txnCommand,
} from "./txn-steps.js";

/** What a transaction did. */
export interface TxnResult extends TxnBranch {
  /** The store revision after it: one for all of its changes. */
  readonly revision: number;
}

/**
 * A transaction in the making. It is a value: each method gives another one, nothing is sent before
 * `commit`. All of it happens at one point of the log, or nothing does, and readers see it whole.
 *
 * @example
 * const { succeeded } = await client
 *   .txn()
 *   .if({ key: "config/owner", value: "me" })
 *   .then({ kind: "put", key: "config/rate", value: "200" })
 *   .else({ kind: "range", keys: "config/owner" })
 *   .commit();
 */
export class Txn {
  readonly #port: KvPort;
  readonly #parts: Required<TxnParts>;

  constructor(port: KvPort, parts: TxnParts = {}) {
    this.#port = port;
    // biome-ignore lint/suspicious/noThenProperty: data, and the name of a transaction's part
    this.#parts = { if: parts.if ?? [], then: parts.then ?? [], else: parts.else ?? [] };
  }

  /** More conditions: with the earlier ones, all must hold. */
  if(...conditions: readonly TxnCondition[]): Txn {
    return this.#with({ if: [...this.#parts.if, ...conditions] });
  }

  /** More steps for when all conditions hold. */
  // biome-ignore lint/suspicious/noThenProperty: the name that transactions have everywhere
  then(...steps: readonly TxnStep[]): Txn {
    // biome-ignore lint/suspicious/noThenProperty: as above
    return this.#with({ then: [...this.#parts.then, ...steps] });
  }

  /** More steps for when a condition does not hold. */
  else(...steps: readonly TxnStep[]): Txn {
    return this.#with({ else: [...this.#parts.else, ...steps] });
  }

  /** Carries it out. Resolves once it is durable on a majority and applied; rejects as writes do. */
  async commit(options?: CallOptions): Promise<TxnResult> {
    const { revision, detail } = await this.#port.execute(txnCommand(this.#parts), options);
    if (detail?.kind === "txn") return { ...txnBranchOf(detail), revision };
    throw new EngineError("INVALID_RESPONSE", "a transaction was answered without its result", {
      outcome: "unknown",
    });
  }

  #with(parts: TxnParts): Txn {
    const next = new Txn(this.#port, { ...this.#parts, ...parts });
    // Checked where it is written, and so that `await` on a builder says what is missing.
    txnCommand(parts);
    return next;
  }
}
