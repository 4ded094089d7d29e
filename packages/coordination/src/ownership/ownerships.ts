import { AbstractKvClient } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { abortable } from "../internal/waiting.js";
import { Ownership } from "./ownership.js";

/** Milliseconds after which what a process held that is gone goes to the next. */
export const TTL_MS_DEFAULT = 10_000;

const ttlMsMin = 1_000;
const ttlMsMax = 24 * 3_600_000;

/** The leases of one client of one time to live: as a rule one, which all its locks share. */
export class Ownerships {
  readonly #client: CoordinationClient;
  readonly #ttlMs: number;
  #current: Promise<Ownership> | undefined;

  constructor(client: CoordinationClient, ttlMs: number) {
    this.#client = client;
    this.#ttlMs = ttlMs;
  }

  /** One that is surely held, entered; granted if there is none. Rejects as a grant does. */
  async enter(signal: AbortSignal): Promise<Ownership> {
    for (;;) {
      const ownership = await this.#held(signal);
      if (ownership.hasRoom) {
        ownership.enter();
        return ownership;
      }
      // Full, or its process slept: the next one is another.
      ownership.retire();
    }
  }

  #held(signal: AbortSignal): Promise<Ownership> {
    if (this.#current === undefined) {
      // Not with the caller's signal: others wait for the same grant.
      const granted: Promise<Ownership> = this.#grant(() => this.#forget(granted));
      this.#current = granted;
      granted.catch(() => this.#forget(granted));
    }
    return abortable(this.#current, signal);
  }

  async #grant(onRetired: () => void): Promise<Ownership> {
    const lease = await this.#client.grantLease(this.#ttlMs);
    return new Ownership({ lease, clock: AbstractKvClient.clockOf(this.#client), onRetired });
  }

  #forget(granted: Promise<Ownership>): void {
    if (this.#current === granted) this.#current = undefined;
  }
}

const ofClient = new WeakMap<CoordinationClient, Map<number, Ownerships>>();

/**
 * The leases that `client` holds locks with.
 *
 * @throws EngineError `INVALID_REQUEST` for a time to live that is out of bounds
 */
export function ownershipsOf(client: CoordinationClient, ttlMs = TTL_MS_DEFAULT): Ownerships {
  if (!Number.isInteger(ttlMs) || ttlMs < ttlMsMin || ttlMs > ttlMsMax) {
    throw new EngineError(
      "INVALID_REQUEST",
      `ttlMs must be an integer from ${ttlMsMin} to ${ttlMsMax}, got ${ttlMs}`,
    );
  }
  const byTtl = ofClient.get(client) ?? new Map<number, Ownerships>();
  ofClient.set(client, byTtl);
  const ownerships = byTtl.get(ttlMs) ?? new Ownerships(client, ttlMs);
  byTtl.set(ttlMs, ownerships);
  return ownerships;
}
