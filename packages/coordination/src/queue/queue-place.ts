import { AbstractKvClient, type Bytes, type TxnResult } from "@d-engine/client";
import { type Clock, EngineError, isEngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { isPassing, REPEAT_PAUSE_MS } from "../internal/passing-errors.js";
import { pause, settlesWithin } from "../internal/waiting.js";
import type { Ownership } from "../ownership/ownership.js";
import { awaitTurn } from "./await-turn.js";
import type { QueueKeys } from "./queue-keys.js";
import { readQueue } from "./read-queue.js";

export interface QueuePlaceSetup {
  readonly client: CoordinationClient;
  readonly keys: QueueKeys;
  /** Entered; left with the place. */
  readonly ownership: Ownership;
  /** What the key of the place holds. */
  readonly value: Bytes;
  /** Whether it waits for its turn, or wants it at once or not at all. */
  readonly mode: "wait" | "try";
}

/**
 * - `held`: it is one of the first, and was when the answer came.
 * - `refused`: it did not want to wait.
 * - `lost`: its lease or its key is gone; another place may have better luck.
 */
export type Turn = "held" | "refused" | "lost";

/**
 * One place in a queue: a key of its own, never used before, so that whatever is sent for it can be
 * sent again. As long as the outcome of an attempt to take it is unknown, that attempt may still
 * come, also after the key was deleted, and would then hold up the queue for nobody. So whoever
 * leaves without knowing leaves a mark too, with which no attempt succeeds.
 */
export class QueuePlace {
  readonly key: string;
  readonly ownership: Ownership;
  readonly #setup: QueuePlaceSetup;
  readonly #clock: Clock;
  readonly #withdrawal: string;
  /** The create revision of the key; 0 before it is known. */
  #token = 0;
  /** Attempts to take the place that may still come. */
  #inDoubt = 0;
  #left: Promise<void> | undefined;

  constructor(setup: QueuePlaceSetup) {
    this.#setup = setup;
    this.#clock = AbstractKvClient.clockOf(setup.client);
    this.ownership = setup.ownership;
    const id = setup.ownership.newId();
    this.key = setup.keys.place(id);
    this.#withdrawal = setup.keys.withdrawal(id);
  }

  get token(): number {
    return this.#token;
  }

  /**
   * Takes the place and waits until it is one of the first. To be left whatever comes of it. Rejects
   * with `signal.reason`, and with what the client is refused with.
   */
  async take(signal: AbortSignal): Promise<Turn> {
    const over = new AbortController();
    const onAbort = (): void => over.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    const { lease } = this.ownership;
    const forget = this.ownership.onLost(() => over.abort(lease.lost.reason));
    try {
      const turn = await this.#take(over.signal);
      // The answer may have come late: only our own clock knows (R18).
      return turn === "held" && !lease.isHeld ? "lost" : turn;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (isEngineError(error, "LEASE_NOT_FOUND")) this.ownership.end(error);
      if (lease.lost.aborted) return "lost";
      throw error;
    } finally {
      forget();
      signal.removeEventListener("abort", onAbort);
    }
  }

  /**
   * Gives the place up. Resolves when it is surely free, or will be by the end of the lease: a
   * removal without an answer is repeated, and what cannot be removed at all ends with the lease.
   */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #take(signal: AbortSignal): Promise<Turn> {
    const { client, keys, mode } = this.#setup;
    const { limit } = keys;
    const taken = await this.#join(signal);
    if (taken === undefined) return "refused";
    if (taken.count <= limit) return "held";
    if (mode === "wait") return await awaitTurn({ client, keys, place: this.key, signal });
    // The one place of a lock is taken in this mode only when there is no other.
    if (limit === 1) return "held";
    if (taken.isNew) return "refused";
    const { isThere, ahead } = await readQueue(client, keys, this.key, signal);
    if (!isThere) return "lost";
    return ahead.length < limit ? "held" : "refused";
  }

  /** `undefined`: it was taken by others, and was wanted at once. */
  async #join(signal: AbortSignal): Promise<Joined | undefined> {
    for (;;) {
      this.#inDoubt += 1;
      try {
        const result = await this.#joining().commit({ signal });
        this.#inDoubt -= 1;
        return this.#joined(result);
      } catch (error) {
        // What ended the waiting says nothing of the request that is under way.
        if (signal.aborted) throw error;
        if (isEngineError(error) && error.outcome === "rejected") {
          this.#inDoubt -= 1;
          throw error;
        }
        if (!isPassing(error)) throw error;
      }
      await pause(this.#clock, REPEAT_PAUSE_MS, signal);
    }
  }

  /** One round trip: takes the place if that is possible, and tells how many there are. */
  #joining() {
    const { client, keys, mode, value } = this.#setup;
    const wholeQueue = { prefix: keys.queue };
    const isAlone = mode === "try" && keys.limit === 1;
    const absent = [this.key, this.#withdrawal, ...keys.others, ...(isAlone ? [wholeQueue] : [])];
    const lease = this.ownership.lease.id;
    return client
      .txn()
      .if(...absent.map((key) => ({ key, exists: false })))
      .then(
        { kind: "put", key: this.key, value, lease },
        { kind: "range", keys: wholeQueue, countOnly: true },
      )
      .else(
        { kind: "range", keys: this.key, keysOnly: true },
        { kind: "range", keys: wholeQueue, countOnly: true },
        ...keys.others.map(
          (other) => ({ kind: "range", keys: other, keysOnly: true, limit: 1 }) as const,
        ),
      );
  }

  #joined({ succeeded, results, revision }: TxnResult): Joined | undefined {
    const { keys } = this.#setup;
    const ranges = results.flatMap((result) => (result.kind === "range" ? [result] : []));
    if (succeeded) {
      this.#token = revision;
      return { isNew: true, count: ranges[0]?.count ?? 0 };
    }
    const [own, queue, ...others] = ranges;
    const mine = own?.entries[0];
    if (mine !== undefined) {
      this.#token = mine.createRevision;
      return { isNew: false, count: queue?.count ?? 0 };
    }
    const other = others.flatMap(({ entries }) => entries)[0];
    if (other === undefined) return undefined;
    const limit = keys.limitOf(text.decode(other.key));
    throw new EngineError(
      "INVALID_REQUEST",
      `${keys.what} is in use with a limit of ${limit}, and was asked for with ${keys.limit}; ` +
        "use one limit everywhere, or wait until those with the other are done",
    );
  }

  async #leave(): Promise<void> {
    const { ownership } = this;
    const isUncertain = this.#inDoubt > 0;
    if (isUncertain) ownership.mark();
    if (this.#token > 0 || isUncertain) {
      const removed = this.#remove(isUncertain);
      const { ttlMs } = ownership.lease;
      if (!(await settlesWithin(this.#clock, removed, ttlMs))) ownership.retire();
    }
    ownership.leave();
  }

  /**
   * Resolves when it is known to be gone, or the lease is. It does not stop before: others who hold
   * or wait by the same lease keep it alive, and may wait for this very place.
   */
  async #remove(isUncertain: boolean): Promise<void> {
    const { lease } = this.ownership;
    const over = new AbortController();
    const forget = this.ownership.onLost(() => over.abort(lease.lost.reason));
    try {
      while (!over.signal.aborted) {
        try {
          return await this.#removal(isUncertain, over.signal);
        } catch (error) {
          // What cannot be removed ends with the lease, for all who have it.
          if (!over.signal.aborted && !isPassing(error)) this.ownership.end(asEngineError(error));
        }
        await pause(this.#clock, REPEAT_PAUSE_MS, over.signal).catch(() => undefined);
      }
    } finally {
      forget();
    }
  }

  async #removal(isUncertain: boolean, signal: AbortSignal): Promise<void> {
    const { client } = this.#setup;
    if (!isUncertain) {
      await client.delete(this.key, { signal });
      return;
    }
    const { id } = this.ownership.lease;
    const mark = { kind: "put", key: this.#withdrawal, value: "", lease: id } as const;
    await client.txn().then(mark, { kind: "delete", keys: this.key }).commit({ signal });
  }
}

function asEngineError(cause: unknown): EngineError {
  if (isEngineError(cause)) return cause;
  return new EngineError("LOCK_LOST", "a place in a queue could not be given up", { cause });
}

interface Joined {
  /** Whether the key was made just now. */
  readonly isNew: boolean;
  /** All who hold or wait, this one included. */
  readonly count: number;
}

const text = new TextDecoder();
