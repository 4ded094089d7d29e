import type {
  Bytes,
  CallOptions,
  PutOptions,
  PutResult,
  Txn,
  TxnParts,
  TxnResult,
} from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import type { QueueKeys } from "../queue/queue-keys.js";
import type { QueuePlace } from "../queue/queue-place.js";
import type { Lock } from "./held.js";
import { HeldTxn, type TxnGuard } from "./held-txn.js";

export interface HoldSetup {
  readonly client: CoordinationClient;
  readonly name: string;
  readonly keys: QueueKeys;
  /** One of the first. */
  readonly place: QueuePlace;
  /** Aborts the signal of the holder too. */
  readonly signal: AbortSignal | undefined;
}

/** A place that is one of the first in its queue: what locks, permits and leaderships are. */
export class Hold implements Lock, TxnGuard {
  readonly name: string;
  readonly token: number;
  readonly #setup: HoldSetup;
  readonly #controller = new AbortController();
  readonly #forget: () => void;
  /** Why it is held no more. */
  #ended: EngineError | undefined;
  #released: Promise<void> | undefined;

  constructor(setup: HoldSetup) {
    const { name, place, signal } = setup;
    this.#setup = setup;
    this.name = name;
    this.token = place.token;
    const onAbort = (): void => this.#controller.abort(signal?.reason);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
    const { ownership } = place;
    const forgetLost = ownership.onLost(() => {
      this.#end(this.#lost("was not renewed in time", ownership.lease.lost.reason));
    });
    this.#forget = () => {
      forgetLost();
      signal?.removeEventListener("abort", onAbort);
    };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isHeld(): boolean {
    return this.#ended === undefined && this.#setup.place.ownership.lease.isHeld;
  }

  /** Whether its holder has given it up. */
  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  assertHeld(): void {
    if (this.isHeld) return;
    // After a stall the timer of the lease has not run yet: this does what it would do.
    this.#setup.place.ownership.expireIfDue();
    throw this.#ended;
  }

  async put(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<PutResult> {
    const { lease, ttlMs, ...bounds } = options;
    if (typeof lease === "object") lease.assertHeld();
    const ends = {
      ...(lease === undefined ? {} : { lease: typeof lease === "object" ? lease.id : lease }),
      ...(ttlMs === undefined ? {} : { ttlMs }),
    };
    const step = { kind: "put", key, value, ...ends } as const;
    const { revision } = await this.txn().then(step).commit(bounds);
    return { revision };
  }

  async delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    const { results } = await this.txn().then({ kind: "delete", keys: key }).commit(options);
    return results[0]?.kind === "delete" && results[0].deleted > 0;
  }

  txn(): HeldTxn {
    return new HeldTxn(this);
  }

  begin(): Txn {
    return this.#setup.client.txn();
  }

  async commit(parts: TxnParts, options?: CallOptions): Promise<TxnResult> {
    this.assertHeld();
    const { key } = this.#setup.place;
    const { succeeded, results, revision } = await this.begin()
      .if({ key, createRevision: this.token })
      .then({ kind: "txn", ...parts })
      .commit(options);
    const [inner] = results;
    if (succeeded && inner?.kind === "txn") {
      return { succeeded: inner.succeeded, results: inner.results, revision };
    }
    const lost = this.#lost("is known to the cluster no more; the write was refused", undefined);
    this.#end(lost);
    throw lost;
  }

  /** Sets what the key of the place holds, which its holder is known by. */
  async revalue(value: Bytes, options?: CallOptions): Promise<void> {
    const { key, ownership } = this.#setup.place;
    const lease = ownership.lease.id;
    await this.txn().then({ kind: "put", key, value, lease }).commit(options);
  }

  /** As `QueuePlace.leave`; the signal aborts before anything is sent. */
  release(): Promise<void> {
    if (this.#released === undefined) {
      this.#end(this.#lost("was given up by its holder", undefined));
      this.#released = this.#setup.place.leave();
    }
    return this.#released;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }

  #end(reason: EngineError): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    this.#forget();
    this.#controller.abort(reason);
  }

  #lost(why: string, cause: unknown): EngineError {
    const message = `${this.#setup.keys.what}, token ${this.token}, ${why}; another may have it`;
    return new EngineError("LOCK_LOST", message, cause === undefined ? {} : { cause });
  }
}
