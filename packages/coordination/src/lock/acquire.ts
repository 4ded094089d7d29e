import { AbstractKvClient, type Bytes, type CallOptions } from "@d-engine/client";
import type { Clock } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { settlesWithin, WaitBounds } from "../internal/waiting.js";
import { ownershipsOf } from "../ownership/ownerships.js";
import type { QueueKeys } from "../queue/queue-keys.js";
import { QueuePlace } from "../queue/queue-place.js";
import { Hold } from "./hold.js";

/** How long who gives up waiting waits for its place to be free. */
const leaveMsMax = 1_000;

/** Options of everything that is acquired. */
export interface AcquireOptions extends CallOptions {
  /**
   * Ends the waiting; what is already held stays so, but the signal of the holder aborts too.
   */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds to wait until it is held, then `WAIT_TIMEOUT`: as soon as the place in the queue is
   * free again, as a rule one round trip, at most a second later.
   * @defaultValue as long as it takes
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds after which what a process held that died goes to the next, 1,000 to 86,400,000.
   * A holder that stands still, or is cut off, for nine tenths of it loses what it holds. All that
   * one client holds with the same `ttlMs` costs one renewal in a third of that time.
   * @defaultValue 10000
   */
  readonly ttlMs?: number;
}

export interface Acquisition {
  readonly client: CoordinationClient;
  readonly name: string;
  readonly keys: QueueKeys;
  readonly value: Bytes;
  readonly mode: "wait" | "try";
  readonly options: AcquireOptions;
}

/**
 * Takes a place in a queue and waits for its turn; `undefined` when that would have meant to wait and
 * was not wanted. Who loses the place while it waits takes another one. Nothing is left in the queue
 * when it fails.
 */
export function acquire(acquisition: Acquisition & { readonly mode: "wait" }): Promise<Hold>;
export function acquire(acquisition: Acquisition): Promise<Hold | undefined>;
export async function acquire(acquisition: Acquisition): Promise<Hold | undefined> {
  const { client, name, keys, value, mode, options } = acquisition;
  const clock = AbstractKvClient.clockOf(client);
  const ownerships = ownershipsOf(client, options.ttlMs);
  const bounds = new WaitBounds(clock, options, `${keys.what} could not be had`);
  try {
    for (;;) {
      bounds.signal.throwIfAborted();
      const ownership = await ownerships.enter(bounds.signal);
      const place = new QueuePlace({ client, keys, ownership, value, mode });
      const turn = await takeOrLeave(clock, place, bounds.signal);
      const { signal } = options;
      if (turn === "held") return new Hold({ client, name, keys, place, signal });
      if (turn === "refused") {
        await place.leave();
        return undefined;
      }
      void place.leave();
    }
  } finally {
    bounds.release();
  }
}

async function takeOrLeave(clock: Clock, place: QueuePlace, signal: AbortSignal) {
  try {
    return await place.take(signal);
  } catch (error) {
    // As a rule one round trip; the caller need not wait for more, but may end its process then.
    await settlesWithin(clock, place.leave(), leaveMsMax);
    throw error;
  }
}

/** As long as `work` takes, and no longer. What it resolves to counts only if it was held throughout. */
export async function whileHeld<T>(hold: Hold, work: (hold: Hold) => Promise<T> | T): Promise<T> {
  try {
    const result = await work(hold);
    if (!hold.isReleased) hold.assertHeld();
    return result;
  } finally {
    await hold.release();
  }
}
