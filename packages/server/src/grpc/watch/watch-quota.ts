import { EngineError } from "@d-engine/core";
import type { PortMetrics } from "../../connections/port-metrics.js";

export interface WatchQuotaSetup {
  readonly watchesPerConnectionMax: number;
  readonly metrics: Pick<PortMetrics, "watchesRefused">;
}

/** Counts the watches of each connection, over all of its streams. */
export class WatchQuota {
  readonly #setup: WatchQuotaSetup;
  readonly #open = new Map<string, number>();

  constructor(setup: WatchQuotaSetup) {
    this.#setup = setup;
  }

  /**
   * Opens one more watch of a caller, as the gRPC library names it, which counts until `leave`.
   *
   * @throws EngineError `RATE_LIMITED` at `watchesPerConnectionMax`, and whatever `make` throws
   */
  open<Watch>(peer: string, make: () => Watch): Watch {
    const { watchesPerConnectionMax, metrics } = this.#setup;
    const count = this.#open.get(peer) ?? 0;
    if (count >= watchesPerConnectionMax) {
      metrics.watchesRefused += 1;
      const message =
        `${watchesPerConnectionMax} watches are open on this connection ` +
        "(watchesPerConnectionMax); close some, or watch a range";
      throw new EngineError("RATE_LIMITED", message, { retryAfterMs: 1_000 });
    }
    const watch = make();
    this.#open.set(peer, count + 1);
    return watch;
  }

  leave(peer: string): void {
    const left = (this.#open.get(peer) ?? 1) - 1;
    if (left === 0) this.#open.delete(peer);
    else this.#open.set(peer, left);
  }
}
