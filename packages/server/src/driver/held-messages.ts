import type { BatchId, Envelope } from "@d-engine/core";
import { Fifo } from "./fifo.js";

interface Held {
  readonly batch: BatchId;
  readonly envelopes: readonly Envelope[];
}

/**
 * Messages that may leave only when a batch is durable (I11). They leave in the order in which
 * they were held. Holds a bounded number: beyond it the newest are dropped and counted, which
 * the protocol bears as it bears a lossy network.
 */
export class HeldMessages {
  readonly #max: number;
  readonly #held = new Fifo<Held>();
  #count = 0;
  #dropped = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#count;
  }

  /** Messages given up because too many were waiting. */
  get dropped(): number {
    return this.#dropped;
  }

  hold(batch: BatchId, envelopes: readonly Envelope[]): void {
    if (this.#count + envelopes.length > this.#max) {
      this.#dropped += envelopes.length;
      return;
    }
    this.#count += envelopes.length;
    this.#held.push({ batch, envelopes });
  }

  /** Sends everything that rests on `persisted` or an earlier batch. */
  release(persisted: BatchId, send: (envelope: Envelope) => void): void {
    for (let next = this.#held.peek(); next !== undefined; next = this.#held.peek()) {
      if (next.batch > persisted) return;
      this.#held.shift();
      this.#count -= next.envelopes.length;
      for (const envelope of next.envelopes) send(envelope);
    }
  }
}
