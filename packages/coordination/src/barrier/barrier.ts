import { AbstractKvClient, type CallOptions } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { isPassing } from "../internal/passing-errors.js";
import { RetryPace } from "../internal/retry-pace.js";
import { pause, WaitBounds } from "../internal/waiting.js";
import type { Ownership } from "../ownership/ownership.js";
import { ownershipsOf } from "../ownership/ownerships.js";
import { recipePrefix } from "../recipe-keys.js";
import { followParties } from "./parties.js";

/** Options of `Barrier.wait`. */
export interface BarrierWaitOptions extends CallOptions {
  /**
   * Milliseconds after which a process that died is not counted any more, 1,000 to 86,400,000.
   * @defaultValue 10000
   */
  readonly ttlMs?: number;
}

/** Each party is told of each other one. */
const partiesMax = 100;

/**
 * The barrier `name` for `parties` processes, 1 to 100: who waits goes on when so many wait together.
 * It opens once, and stays open: who comes later passes at once. `reset` closes it again.
 *
 * @example
 * const start = barrier(client, "load-test", 3);
 * await start.wait({ timeoutMs: 60_000 });
 * @throws EngineError `INVALID_REQUEST` for a name or a number of parties that is none
 */
export function barrier(client: CoordinationClient, name: string, parties: number): Barrier {
  return new Barrier(client, name, parties);
}

/** A door that opens when enough processes stand before it. */
export class Barrier {
  readonly name: string;
  readonly parties: number;
  readonly #client: CoordinationClient;
  readonly #prefix: string;

  /** Use `barrier`. */
  constructor(client: CoordinationClient, name: string, parties: number) {
    this.#prefix = recipePrefix("barrier", name);
    if (!Number.isInteger(parties) || parties < 1 || parties > partiesMax) {
      const message = `a barrier is for 1 to ${partiesMax} parties, got ${parties}`;
      throw new EngineError("INVALID_REQUEST", message);
    }
    this.#client = client;
    this.name = name;
    this.parties = parties;
  }

  /**
   * Waits until as many wait as there are parties, at one moment and with live leases, and resolves
   * then for all of them. A process counts as often as it waits. Who gives up, by `signal` or
   * `timeoutMs`, is not counted any more, unless it was open by then.
   *
   * @throws EngineError `WAIT_TIMEOUT`; `INVALID_REQUEST` when others wait already for another number
   */
  async wait(options: BarrierWaitOptions = {}): Promise<void> {
    const clock = AbstractKvClient.clockOf(this.#client);
    const ownerships = ownershipsOf(this.#client, options.ttlMs);
    const bounds = new WaitBounds(clock, options, `${this.#what} did not open`);
    const pace = new RetryPace(clock);
    try {
      for (;;) {
        try {
          const ownership = await ownerships.enter(bounds.signal);
          const outcome = await this.#stand(ownership, bounds.signal).finally(() => {
            ownership.leave();
          });
          if (outcome === "open") return;
        } catch (error) {
          bounds.signal.throwIfAborted();
          if (!isPassing(error)) throw error;
        }
        await pause(clock, pace.nextMs(), bounds.signal);
      }
    } finally {
      bounds.release();
    }
  }

  /** Closes it again for who comes next. Those who have passed have passed. */
  async reset(options?: CallOptions): Promise<void> {
    await this.#client.delete(this.#door, options);
  }

  get #what(): string {
    return `barrier ${JSON.stringify(this.name)}`;
  }

  get #door(): string {
    return `${this.#prefix}open`;
  }

  /** `gone`: its lease or its key is lost; it has to stand anew. */
  async #stand(ownership: Ownership, signal: AbortSignal): Promise<"open" | "gone"> {
    const client = this.#client;
    const key = `${this.#prefix}waiting/${ownership.newId()}`;
    const lease = ownership.lease.id;
    const over = new AbortController();
    const forget = ownership.onLost(() => over.abort(ownership.lease.lost.reason));
    const asked = AbortSignal.any([signal, over.signal]);
    let isSure = true;
    let outcome: "open" | "gone" | undefined;
    try {
      isSure = false;
      const { succeeded } = await client
        .txn()
        .if({ key: this.#door, exists: false })
        .then({ kind: "put", key, value: String(this.parties), lease })
        .commit({ signal: asked });
      isSure = true;
      if (!succeeded) {
        outcome = "open";
        return outcome;
      }
      outcome = await followParties({
        client,
        prefix: this.#prefix,
        door: this.#door,
        own: key,
        what: this.#what,
        parties: this.parties,
        signal: asked,
      });
      return outcome;
    } catch (error) {
      if (isEngineError(error, "LEASE_NOT_FOUND")) ownership.end(error);
      if (ownership.lease.lost.aborted && !signal.aborted) return "gone";
      throw error;
    } finally {
      forget();
      // Whoever does not wait any more must not be counted; what cannot be removed ends with the lease.
      if (!isSure) ownership.retire();
      else if (outcome !== "gone") void this.#leave(key, ownership);
    }
  }

  async #leave(key: string, ownership: Ownership): Promise<void> {
    ownership.enter();
    await this.#client.delete(key).catch(() => ownership.retire());
    ownership.leave();
  }
}
