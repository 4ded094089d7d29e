import { EngineError, isEngineError } from "@d-engine/core";
import { keyString, PrefixFollower } from "../follow/prefix-follower.js";
import { isPassing } from "../internal/passing-errors.js";
import { RetryPace } from "../internal/retry-pace.js";
import { pause } from "../internal/waiting.js";
import type { Ownership } from "../ownership/ownership.js";
import type { Ownerships } from "../ownership/ownerships.js";
import type { RecipePorts } from "../recipe-ports.js";
import type { CronTimes } from "./cron-times.js";
import { decide } from "./decide.js";
import { decodeRecord, encodeRecord, type ScheduleRecord } from "./schedule-record.js";
import type { ScheduledRun } from "./scheduled-run.js";

/** A schedule that this process takes part in. */
export interface Schedule extends AsyncDisposable {
  /** When it is due next, by the clock of this process; `undefined` when never again. */
  readonly next: Date | undefined;
  /** Aborts when it was closed, or has ended by an error of the cluster. */
  readonly ended: AbortSignal;
  /** Begins nothing more, aborts what runs here, and resolves when that has ended. Never rejects. */
  close(): Promise<void>;
}

export interface SchedulerSetup {
  readonly ports: RecipePorts;
  readonly ownerships: Ownerships;
  readonly prefix: string;
  readonly what: string;
  readonly times: CronTimes;
  readonly missed: "run" | "skip";
  readonly graceMs: number;
  readonly work: (run: ScheduledRun) => Promise<unknown> | unknown;
  readonly onError: (error: unknown) => void;
  readonly signal: AbortSignal | undefined;
}

/** The wall clock is looked at this often, as somebody may set it. */
const lookMsMax = 30_000;
const entriesMax = 100;
const bytesMax = 1024 * 1024;

/** A claim that was won. */
interface Claim {
  readonly slotMs: number;
  readonly isLate: boolean;
  readonly token: number;
  readonly ownership: Ownership;
}

/**
 * Follows two keys: `record`, the latest time and whether its run has ended, and `run`, which is bound
 * to the lease of who runs it. A run is claimed by one transaction on the record as it was seen while
 * nobody ran, which each claim changes; it is ended by one that still finds its own `run`. So of two
 * claims one wins, and the end of a run that was lost does not count.
 */
export class Scheduler implements Schedule {
  readonly #setup: SchedulerSetup;
  readonly #follower: PrefixFollower;
  readonly #ended = new AbortController();
  readonly #done: Promise<void>;
  #wake: (() => void) | undefined;
  /** What a transaction of our own has shown before the watch did. */
  #seenRevision = 0;
  readonly #onAbort = (): void => void this.close();

  constructor(setup: SchedulerSetup) {
    const { ports, prefix, signal } = setup;
    signal?.throwIfAborted();
    this.#setup = setup;
    this.#follower = new PrefixFollower({
      ports,
      prefix,
      entriesMax,
      bytesMax,
      onChanges: () => this.#wake?.(),
      onStanding: () => undefined,
      onFailure: (error) => this.#fail(error),
    });
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#done = this.#run();
  }

  get next(): Date | undefined {
    const ms = this.#setup.times.next(this.#setup.ports.clock.wallMs());
    return ms === undefined ? undefined : new Date(ms);
  }

  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  async close(): Promise<void> {
    this.#end(new EngineError("CLOSED", `${this.#setup.what} was closed`));
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #recordKey(): string {
    return `${this.#setup.prefix}record`;
  }

  get #runKey(): string {
    return `${this.#setup.prefix}run`;
  }

  async #run(): Promise<void> {
    const { clock } = this.#setup.ports;
    const { signal } = this.#ended;
    const pace = new RetryPace(clock);
    while (!signal.aborted) {
      try {
        await this.#step();
        pace.reset();
      } catch (error) {
        if (signal.aborted) return;
        if (!isPassing(error)) return this.#fail(error);
        await pause(clock, pace.nextMs(), signal).catch(() => undefined);
      }
    }
  }

  async #step(): Promise<void> {
    const { ports, times, missed, graceMs, what } = this.#setup;
    const { revision, records } = this.#follower;
    if (revision === undefined || revision < this.#seenRevision) return await this.#idle(undefined);
    const stored = records.get(this.#recordKey);
    const record = stored === undefined ? undefined : decodeRecord(what, stored);
    const isRunning = records.has(this.#runKey);
    const nowMs = ports.clock.wallMs();
    const decision = decide({ record, isRunning, nowMs, times, missed, graceMs });
    switch (decision.kind) {
      case "wait":
        return await this.#idle(decision.untilMs);
      case "begin":
      case "skip":
        return await this.#note(record, decision.slotMs);
      default: {
        const claim = await this.#claim(record!, decision.slotMs, decision.isLate);
        if (claim !== undefined) await this.#work(claim);
      }
    }
  }

  /** Until something changes, or the wall clock shows this time. */
  async #idle(untilMs: number | undefined): Promise<void> {
    const { clock } = this.#setup.ports;
    const { signal } = this.#ended;
    const forMs = untilMs === undefined ? lookMsMax : untilMs - clock.wallMs();
    const over = new AbortController();
    const onEnd = (): void => over.abort();
    signal.addEventListener("abort", onEnd, { once: true });
    this.#wake = onEnd;
    // Both ends are good ones.
    await pause(clock, Math.max(1, Math.min(forMs, lookMsMax)), over.signal).catch(() => undefined);
    this.#wake = undefined;
    signal.removeEventListener("abort", onEnd);
  }

  /** Writes the time down as one that is not run; it does not matter who does it. */
  async #note(record: ScheduleRecord | undefined, slotMs: number): Promise<void> {
    const { revision } = await this.#setup.ports.client
      .txn()
      .if({ key: this.#recordKey, modRevision: record?.modRevision ?? 0 })
      .then({ kind: "put", key: this.#recordKey, value: encodeRecord(slotMs, true) })
      .commit({ signal: this.#ended.signal });
    this.#seenRevision = revision;
  }

  /**
   * Repeated while its outcome is unknown: as the record changes with the first that arrives, all
   * others do nothing, and whose it was the key of the run tells.
   */
  async #claim(
    record: ScheduleRecord,
    slotMs: number,
    isLate: boolean,
  ): Promise<Claim | undefined> {
    const { ports, ownerships } = this.#setup;
    const { signal } = this.#ended;
    const ownership = await ownerships.enter(signal);
    const id = ownership.newId();
    const pace = new RetryPace(ports.clock);
    for (;;) {
      try {
        const { succeeded, results, revision } = await ports.client
          .txn()
          .if({ key: this.#recordKey, modRevision: record.modRevision })
          .then(
            { kind: "put", key: this.#recordKey, value: encodeRecord(slotMs, false) },
            { kind: "put", key: this.#runKey, value: id, lease: ownership.lease.id },
          )
          .else({ kind: "range", keys: this.#runKey })
          .commit({ signal });
        this.#seenRevision = revision;
        const [found] = results;
        const run = found?.kind === "range" ? found.entries[0] : undefined;
        const isOwn = run !== undefined && keyString(run.value) === id;
        const token = succeeded ? revision : isOwn ? run.createRevision : undefined;
        if (token !== undefined && ownership.lease.isHeld) {
          return { slotMs, isLate, token, ownership };
        }
        if (token !== undefined) ownership.retire();
        ownership.leave();
        return undefined;
      } catch (error) {
        if (isEngineError(error, "LEASE_NOT_FOUND")) ownership.end(error);
        if (signal.aborted || ownership.lease.lost.aborted || !isPassing(error)) {
          // An attempt may still come: what it makes ends with its lease.
          ownership.retire();
          ownership.leave();
          if (signal.aborted || !ownership.lease.lost.aborted) throw error;
          return undefined;
        }
        await pause(ports.clock, pace.nextMs(), signal).catch(() => undefined);
      }
    }
  }

  async #work({ slotMs, isLate, token, ownership }: Claim): Promise<void> {
    const { work, onError } = this.#setup;
    const over = new AbortController();
    const forget = ownership.onLost(() => over.abort(ownership.lease.lost.reason));
    const signal = AbortSignal.any([over.signal, this.#ended.signal]);
    try {
      await work({ at: new Date(slotMs), isLate, token, signal });
    } catch (error) {
      // What the abort made it throw is no failure of the work.
      if (!signal.aborted) onError(error);
    } finally {
      forget();
    }
    // Cut short by `close`, it has not come to its end.
    const isDone = !this.#ended.signal.aborted;
    await this.#finish(slotMs, isDone, token, ownership);
    ownership.leave();
  }

  /** Ends the run, unless it was lost; repeated until that is known. */
  async #finish(
    slotMs: number,
    isDone: boolean,
    token: number,
    ownership: Ownership,
  ): Promise<void> {
    const { client, clock } = this.#setup.ports;
    const pace = new RetryPace(clock);
    const over = new AbortController();
    const forget = ownership.onLost(() => over.abort());
    while (!over.signal.aborted) {
      try {
        const { revision } = await client
          .txn()
          .if({ key: this.#runKey, createRevision: token })
          .then(
            { kind: "put", key: this.#recordKey, value: encodeRecord(slotMs, isDone) },
            { kind: "delete", keys: this.#runKey },
          )
          .commit({ signal: over.signal });
        this.#seenRevision = revision;
        break;
      } catch (error) {
        if (!over.signal.aborted && !isPassing(error)) {
          // The run ends with its lease then, as one that was not ended.
          this.#setup.onError(error);
          ownership.retire();
          break;
        }
      }
      await pause(clock, pace.nextMs(), over.signal).catch(() => undefined);
    }
    forget();
  }

  #fail(error: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#setup.onError(error);
    this.#end(error);
  }

  #end(reason: unknown): void {
    if (this.#ended.signal.aborted) return;
    this.#setup.signal?.removeEventListener("abort", this.#onAbort);
    this.#ended.abort(reason);
    this.#follower.close();
  }
}
