import {
  EngineError,
  type Entry,
  invariant,
  type LogIndex,
  type RequestId,
  type Term,
} from "@d-engine/core";
import type { CancelSignal } from "./cancel-signal.js";
import { Fifo } from "./fifo.js";
import { expireWaiters, Gauge, Waiter } from "./waiter.js";

/** Commands that go to the core as one `propose`, and who waits for each. */
export interface ProposalBatch<Result> {
  readonly commands: Uint8Array[];
  readonly waiters: Waiter<Result>[];
  bytes: number;
  /** No waiter of the batch is due before this. */
  earliestMs: number;
}

interface Accepted<Result> {
  readonly term: Term;
  readonly first: LogIndex;
  readonly waiters: readonly Waiter<Result>[];
  /** Offset of the next entry to be applied. */
  next: number;
  earliestMs: number;
}

export interface ProposalLimits {
  readonly entriesMax: number;
  readonly bytesMax: number;
}

/**
 * Everyone who waits for a write: first queued, then with the core, then in the log. The waiters
 * of one proposal stay together in one array from beginning to end, so a write costs one object
 * and no lookup.
 *
 * Bounded by whoever calls `add`, through `gauge`, and in the log by the core's own limit on
 * uncommitted bytes.
 */
export class ProposalQueue<Result> {
  /** Writes that somebody waits for, and their bytes. */
  readonly gauge = new Gauge();
  readonly #limits: ProposalLimits;
  readonly #queued = new Fifo<ProposalBatch<Result>>();
  readonly #asked = new Map<RequestId, ProposalBatch<Result>>();
  /** Ascending by `first`, and so by term. */
  readonly #accepted = new Fifo<Accepted<Result>>();

  constructor(limits: ProposalLimits) {
    this.#limits = limits;
  }

  get hasQueued(): boolean {
    return this.#queued.length > 0;
  }

  /** Commands that the next `take` would find in the newest batch. */
  get openEntries(): number {
    return this.#queued.peekLast()?.commands.length ?? 0;
  }

  /** Whether the core has been asked under this id and has not answered. */
  asked(requestId: RequestId): boolean {
    return this.#asked.has(requestId);
  }

  /** Queues one command; the caller's promise is that of the returned waiter. */
  add(
    command: Uint8Array,
    deadlineMs: number,
    finish: (result: Result) => unknown,
    signal: CancelSignal | undefined,
  ): Waiter<Result> {
    const waiter = new Waiter<Result>(this.gauge, command.length, deadlineMs, finish, signal);
    const batch = this.#openBatch(command.length);
    batch.commands.push(command);
    batch.waiters.push(waiter);
    batch.bytes += command.length;
    if (deadlineMs < batch.earliestMs) batch.earliestMs = deadlineMs;
    return waiter;
  }

  /** Takes the oldest batch for proposing, without what was given up meanwhile. */
  take(requestId: RequestId): readonly Uint8Array[] | undefined {
    for (let batch = this.#queued.shift(); batch !== undefined; batch = this.#queued.shift()) {
      const wanted = batch.waiters.every(isOpen) ? batch : withoutClosed(batch);
      if (wanted.commands.length === 0) continue;
      this.#asked.set(requestId, wanted);
      return wanted.commands;
    }
    return undefined;
  }

  /** The commands of this request are in the log from `first` on. */
  accepted(requestId: RequestId, term: Term, first: LogIndex): void {
    const batch = this.#asked.get(requestId);
    invariant(batch !== undefined, () => `proposal ${requestId} was answered twice`);
    this.#asked.delete(requestId);
    const { waiters, earliestMs } = batch;
    this.#accepted.push({ term, first, waiters, next: 0, earliestMs });
  }

  /** The commands of this request have no effect, now or later; returns how many they were. */
  refused(requestId: RequestId, error: Error): number {
    const batch = this.#asked.get(requestId);
    invariant(batch !== undefined, () => `proposal ${requestId} was answered twice`);
    this.#asked.delete(requestId);
    for (const waiter of batch.waiters) waiter.fail(error);
    return batch.waiters.length;
  }

  /**
   * Tells who waited for this entry. Called for every applied entry in log order; `result` is
   * that of the command, `undefined` for entries without one.
   */
  applied(entry: Entry, result: Result | undefined): void {
    let batch = this.#accepted.peek();
    // Another leader's entry took the place of ours, or of one before ours: by log matching (paper
    // §5.3) ours can never commit any more. In our very place it may be of an older term too: one
    // that we had not seen when we led, and that a later leader committed with its own (figure 8).
    while (batch !== undefined && isOverwritten(batch, entry)) {
      this.#accepted.shift();
      failFrom(batch, batch.next, overwritten(batch, entry));
      batch = this.#accepted.peek();
    }
    if (batch === undefined || entry.index < batch.first) return;
    const offset = entry.index - batch.first;
    invariant(offset === batch.next, () => `entry ${entry.index} was applied out of turn`);
    batch.next += 1;
    if (batch.next === batch.waiters.length) this.#accepted.shift();
    batch.waiters[offset]?.complete(result as Result);
  }

  /** A snapshot replaced the log up to `index`: what came of the writes in it cannot be told. */
  skipped(index: LogIndex): void {
    for (let batch = this.#accepted.peek(); batch !== undefined; batch = this.#accepted.peek()) {
      const end = Math.min(batch.waiters.length, index - batch.first + 1);
      if (end <= batch.next) return;
      const error = new EngineError(
        "OUTCOME_UNKNOWN",
        `a snapshot up to entry ${index} replaced the log that held this write`,
      );
      failFrom(batch, batch.next, error, end);
      batch.next = end;
      if (end < batch.waiters.length) return;
      this.#accepted.shift();
    }
  }

  /** Ends what is due: without effect while still queued, of unknown outcome afterwards. */
  expire(nowMs: number): void {
    this.expireQueued(nowMs);
    let idle = false;
    for (const batch of this.#accepted) {
      if (batch.earliestMs > nowMs) continue;
      batch.earliestMs = expireWaiters(batch.waiters, nowMs, expiredInLog);
      idle ||= batch.earliestMs === Number.POSITIVE_INFINITY;
    }
    // Without this a leader that lost its quorum would keep every batch it ever took in.
    if (idle) this.#accepted.retain((batch) => batch.earliestMs !== Number.POSITIVE_INFINITY);
  }

  /** Ends what is due and was never proposed. */
  expireQueued(nowMs: number): void {
    for (const batch of this.#queued) {
      if (batch.earliestMs > nowMs) continue;
      batch.earliestMs = expireWaiters(batch.waiters, nowMs, expiredInQueue);
    }
  }

  /** Ends every wait: `queued` for what the core never saw, `proposed` for what it did. */
  failAll(queued: Error, proposed: Error): void {
    this.failQueued(queued);
    for (const batch of this.#asked.values()) failFrom(batch, 0, proposed);
    this.#asked.clear();
    for (let batch = this.#accepted.shift(); batch !== undefined; batch = this.#accepted.shift()) {
      failFrom(batch, batch.next, proposed);
    }
  }

  /** What everyone who waits at this moment was given. */
  promises(): Promise<unknown>[] {
    const batches = [...this.#queued, ...this.#asked.values(), ...this.#accepted];
    const waiters = batches.flatMap((batch) => batch.waiters as readonly Waiter<Result>[]);
    return waiters.filter(isOpen).map((waiter) => waiter.promise);
  }

  /** Ends the wait of everything that the core has not seen. */
  failQueued(error: Error): void {
    for (let batch = this.#queued.shift(); batch !== undefined; batch = this.#queued.shift()) {
      failFrom(batch, 0, error);
    }
  }

  #openBatch(bytes: number): ProposalBatch<Result> {
    const last = this.#queued.peekLast();
    const { entriesMax, bytesMax } = this.#limits;
    if (last !== undefined && last.commands.length < entriesMax && last.bytes + bytes <= bytesMax) {
      return last;
    }
    const fresh = { commands: [], waiters: [], bytes: 0, earliestMs: Number.POSITIVE_INFINITY };
    this.#queued.push(fresh);
    return fresh;
  }
}

function isOpen<Result>(waiter: Waiter<Result>): boolean {
  return waiter.open;
}

function withoutClosed<Result>(batch: ProposalBatch<Result>): ProposalBatch<Result> {
  const open = batch.waiters.map(isOpen);
  return {
    ...batch,
    commands: batch.commands.filter((_, at) => open[at]),
    waiters: batch.waiters.filter(isOpen),
  };
}

function failFrom<Result>(
  batch: { readonly waiters: readonly Waiter<Result>[] },
  from: number,
  error: Error,
  to: number = batch.waiters.length,
): void {
  for (let at = from; at < to; at += 1) batch.waiters[at]?.fail(error);
}

function isOverwritten<Result>({ term, first }: Accepted<Result>, entry: Entry): boolean {
  return term < entry.term || (term > entry.term && first <= entry.index);
}

function overwritten<Result>(batch: Accepted<Result>, entry: Entry): EngineError {
  return new EngineError(
    "PROPOSE_FAILED",
    `proposed in term ${batch.term} at entry ${batch.first + batch.next} or later, but an entry of ` +
      `term ${entry.term} was committed at ${entry.index}: the write has no effect, propose it again`,
  );
}

function expiredInQueue(): EngineError {
  return new EngineError(
    "CLUSTER_UNAVAILABLE",
    "timed out before the write was proposed: it has no effect",
  );
}

function expiredInLog(): EngineError {
  return new EngineError(
    "OUTCOME_UNKNOWN",
    "timed out after the write was proposed: it may still take effect, read before retrying",
  );
}
