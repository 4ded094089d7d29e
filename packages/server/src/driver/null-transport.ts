import type { Envelope, Transport } from "@d-engine/core";

/**
 * The transport of a node without peers. It has nobody to deliver to: what is sent is counted and
 * dropped, which is within what a transport may do.
 */
export class NullTransport implements Transport {
  #dropped = 0;

  /** Messages that had nowhere to go. */
  get dropped(): number {
    return this.#dropped;
  }

  start(): void {
    // Nothing will ever arrive.
  }

  send(_envelope: Envelope): void {
    this.#dropped += 1;
  }

  setMembers(): void {
    // Whoever they are, there is no way to them.
  }

  async close(): Promise<void> {
    // Holds nothing.
  }
}
