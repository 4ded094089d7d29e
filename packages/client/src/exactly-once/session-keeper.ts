import { type Clock, EngineError, isEngineError, type Timer } from "@d-engine/core";
import type { KvPort } from "../kv/kv-port.js";

export interface SessionKeeperSetup {
  readonly port: KvPort;
  readonly clock: Clock;
  readonly id: number;
  readonly ttlMs: number;
}

/** A session is renewed after this share of its time, */
const renewShare = 1 / 3;
/** and a renewal that failed is repeated after this one. */
const repeatShare = 1 / 20;

/**
 * Keeps the lease of a session alive until the cluster says that it has ended. Unlike the holder of a
 * lock, a session never ends by the clock of this process: as long as the cluster has it, it can
 * still tell what became of a write.
 */
export class SessionKeeper {
  readonly #setup: SessionKeeperSetup;
  readonly #expired = new AbortController();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(setup: SessionKeeperSetup) {
    this.#setup = setup;
    this.#renewAfter(setup.ttlMs * renewShare);
  }

  get expired(): AbortSignal {
    return this.#expired.signal;
  }

  /** The cluster has said so, or the session was closed. */
  end(error: EngineError): void {
    this.stop();
    if (!this.#expired.signal.aborted) this.#expired.abort(error);
  }

  /** Renews it no longer. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #renewAfter(delayMs: number): void {
    this.#timer = this.#setup.clock.setTimer(delayMs, () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { port, id, ttlMs } = this.#setup;
    const bounds = { timeoutMs: Math.max(1, ttlMs * renewShare) };
    let nextMs = ttlMs * renewShare;
    try {
      await port.execute({ kind: "leaseKeepAlive", id }, bounds);
    } catch (error) {
      nextMs = ttlMs * repeatShare;
      if (isEngineError(error, "LEASE_NOT_FOUND")) this.end(sessionExpired(id, error));
    }
    if (!this.#stopped) this.#renewAfter(nextMs);
  }
}

export function sessionExpired(id: number, cause: EngineError): EngineError {
  const message = `session ${id} is over: it was not renewed in time, or revoked; open another one`;
  return new EngineError("SESSION_EXPIRED", message, { cause });
}
