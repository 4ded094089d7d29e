import { EngineError, invariant, type LogIndex, type RequestId } from "@d-engine/core";
import type { CancelSignal } from "./cancel-signal.js";
import { expireWaiters, Gauge, Waiter } from "./waiter.js";

interface ReadBatch {
  waiters: Waiter<void>[];
  earliestMs: number;
  /** Entry that must be applied first; `undefined` until the core has said which. */
  index: LogIndex | undefined;
}

/**
 * Everyone who waits for a linearizable read. Reads gather in a batch; a batch asks the core for
 * one read index, and is served when that index is applied here. A read never joins a batch that
 * has asked already: the index might be older than a write that was acknowledged before the read
 * began (I10).
 *
 * Bounded by whoever calls `add`, through `gauge`.
 */
export class ReadQueue {
  /** Reads that somebody waits for. */
  readonly gauge = new Gauge();
  readonly #requestsMax: number;
  #open: ReadBatch = newBatch();
  readonly #asked = new Map<RequestId, ReadBatch>();
  #confirmed: ReadBatch[] = [];

  /** `requestsMax`: unanswered requests to the core at once; later reads gather meanwhile. */
  constructor(requestsMax: number) {
    this.#requestsMax = requestsMax;
  }

  /** Whether a request to the core is wanted, and allowed. */
  get wantsIndex(): boolean {
    return this.#open.waiters.length > 0 && this.#asked.size < this.#requestsMax;
  }

  add(serve: () => unknown, deadlineMs: number, signal: CancelSignal | undefined): Waiter<void> {
    const waiter = new Waiter<void>(this.gauge, 0, deadlineMs, serve, signal);
    this.#open.waiters.push(waiter);
    if (deadlineMs < this.#open.earliestMs) this.#open.earliestMs = deadlineMs;
    return waiter;
  }

  /** The gathered reads ask under this id; those that begin from now on are not part of it. */
  ask(requestId: RequestId): void {
    this.#asked.set(requestId, this.#open);
    this.#open = newBatch();
  }

  /** The core's answer: serves the batch as soon as `index` is applied. */
  confirmed(requestId: RequestId, index: LogIndex, applied: LogIndex): void {
    const batch = this.#answered(requestId);
    if (index <= applied) {
      serve(batch);
    } else {
      batch.index = index;
      this.#confirmed.push(batch);
    }
  }

  refused(requestId: RequestId, error: Error): void {
    fail(this.#answered(requestId), error);
  }

  applied(upTo: LogIndex): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter(
      (batch) => batch.index !== undefined && batch.index <= upTo,
    );
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter((batch) => !ready.includes(batch));
    for (const batch of ready) serve(batch);
  }

  expire(nowMs: number): void {
    for (const batch of this.#batches()) {
      if (batch.earliestMs > nowMs) continue;
      batch.earliestMs = expireWaiters(batch.waiters, nowMs, expired);
      // An unanswered batch may stay for long; what nobody waits for need not.
      batch.waiters = batch.waiters.filter((waiter) => waiter.open);
    }
    this.#confirmed = this.#confirmed.filter((batch) => batch.waiters.length > 0);
  }

  /** What everyone who waits at this moment was given. */
  promises(): Promise<unknown>[] {
    const waiters = this.#batches().flatMap((batch) => batch.waiters);
    return waiters.filter((waiter) => waiter.open).map((waiter) => waiter.promise);
  }

  failAll(error: Error): void {
    const all = this.#batches();
    this.#open = newBatch();
    this.#asked.clear();
    this.#confirmed = [];
    for (const batch of all) fail(batch, error);
  }

  #batches(): ReadBatch[] {
    return [this.#open, ...this.#asked.values(), ...this.#confirmed];
  }

  #answered(requestId: RequestId): ReadBatch {
    const batch = this.#asked.get(requestId);
    invariant(batch !== undefined, () => `read ${requestId} was answered twice`);
    this.#asked.delete(requestId);
    return batch;
  }
}

function newBatch(): ReadBatch {
  return { waiters: [], earliestMs: Number.POSITIVE_INFINITY, index: undefined };
}

function serve(batch: ReadBatch): void {
  for (const waiter of batch.waiters) waiter.complete();
}

function fail(batch: ReadBatch, error: Error): void {
  for (const waiter of batch.waiters) waiter.fail(error);
}

function expired(): EngineError {
  return new EngineError(
    "CLUSTER_UNAVAILABLE",
    "timed out before a quorum confirmed the read and its entries were applied here",
  );
}
