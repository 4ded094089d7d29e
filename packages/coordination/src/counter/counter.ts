import type { CallOptions, ClientSession } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { recipePrefix } from "../recipe-keys.js";
import { decimalOf, type Known, knownOf, type Pending, settledBy } from "./additions.js";

/** Transactions in a row that others may be quicker than. */
const attemptsMax = 64;
/** Additions of one counter that wait. */
const pendingMax = 10_000;
/** Of the session behind it, whose writes are applied once. */
const sessionTtlMs = 30_000;

/**
 * The counter `name`: an integer that all processes add to, 0 at first. Additions of one process that
 * come together cost one transaction.
 *
 * @example
 * await using visits = counter(client, "visits");
 * const visitor = await visits.add(1);
 * @throws EngineError `INVALID_REQUEST` for a name that is none
 */
export function counter(client: CoordinationClient, name: string): Counter {
  return new Counter(client, name);
}

/**
 * An integer in the store, from -(2^53 - 1) to 2^53 - 1. Each addition is applied once, however often
 * it had to be sent (rule R17), and each has a result of its own: no two processes get the same from
 * additions of 1. An addition rejects with `outcome` `unknown` only when its cluster could not be
 * asked for longer than its session lives; it may then have been made.
 */
export class Counter implements AsyncDisposable {
  readonly name: string;
  readonly #client: CoordinationClient;
  readonly #key: string;
  #pending: Pending[] = [];
  #isBusy = false;
  #known: Known | undefined;
  #session: Promise<ClientSession> | undefined;
  #closed: Promise<void> | undefined;
  /** Who closes waits for it. */
  #onIdle: (() => void) | undefined;

  /** Use `counter`. */
  constructor(client: CoordinationClient, name: string) {
    this.#key = `${recipePrefix("counter", name)}value`;
    this.#client = client;
    this.name = name;
  }

  /** The value as it surely is at a moment of the call. */
  async get(options: CallOptions = {}): Promise<number> {
    const read = { ...options, consistency: "linearizable" } as const;
    const { entries } = await this.#client.range(this.#key, read);
    return knownOf(this.#what, entries).value;
  }

  /**
   * Adds `by`, which may be negative; resolves to the value after it, once that is durable.
   *
   * @throws EngineError `INVALID_REQUEST` when `by` is no integer, or the value would leave its range:
   *   nothing was added; `RATE_LIMITED` when 10,000 additions wait, or others were quicker 64 times
   */
  async add(by = 1): Promise<number> {
    if (!Number.isSafeInteger(by)) {
      throw new EngineError("INVALID_REQUEST", `${this.#what} takes integers, got ${by}`);
    }
    if (this.#closed !== undefined) throw new EngineError("CLOSED", `${this.#what} is closed`);
    if (this.#pending.length >= pendingMax) {
      const message = `${pendingMax} additions to ${this.#what} wait already`;
      throw new EngineError("RATE_LIMITED", message, { retryAfterMs: 100 });
    }
    return await new Promise<number>((resolve, reject) => {
      this.#pending.push({ by, resolve, reject });
      if (!this.#isBusy) void this.#work();
    });
  }

  /** Waits for what was added, and ends the session behind it. Idempotent; never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#end();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #what(): string {
    return `counter ${JSON.stringify(this.name)}`;
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    // Whatever else is added in this turn goes with it.
    await Promise.resolve();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#add(batch);
      } catch (error) {
        this.#known = undefined;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isBusy = false;
    this.#onIdle?.();
  }

  async #add(batch: readonly Pending[]): Promise<void> {
    const session = await this.#held();
    let known = this.#known ?? absent;
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const { value, settle } = settledBy(this.#what, known, batch);
      const { succeeded, results, revision } = await session
        .txn()
        .if({ key: this.#key, modRevision: known.modRevision })
        .then({ kind: "put", key: this.#key, value: decimalOf(value) })
        .else({ kind: "range", keys: this.#key })
        .commit();
      if (succeeded) {
        this.#known = { value, modRevision: revision };
        settle();
        return;
      }
      const [found] = results;
      known = knownOf(this.#what, found?.kind === "range" ? found.entries : []);
    }
    const message = `others were quicker ${attemptsMax} times to change ${this.#what}`;
    throw new EngineError("RATE_LIMITED", message, { retryAfterMs: 100 });
  }

  /** The session, opened again when the one before is over. */
  async #held(): Promise<ClientSession> {
    const before = await this.#session?.catch(() => undefined);
    if (before !== undefined && !before.expired.aborted) return before;
    this.#session = this.#client.openSession({ ttlMs: sessionTtlMs });
    return await this.#session;
  }

  async #end(): Promise<void> {
    if (this.#isBusy) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    const session = await this.#session?.catch(() => undefined);
    await session?.close();
  }
}

const absent: Known = { value: 0, modRevision: 0 };
