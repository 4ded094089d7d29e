import type { Clock, MembershipConfiguration } from "@d-engine/core";

export type MembershipListener = (configuration: MembershipConfiguration) => void;

/**
 * Tells of every applied change of the members, once each and in order. In a turn of its own, so
 * that a listener may call into the node.
 */
export class MembershipFeed {
  readonly #clock: Clock;
  readonly #listeners = new Set<MembershipListener>();
  /** Changes that were not told yet; there are few, as one at a time is under way. */
  #untold: MembershipConfiguration[] = [];
  #ended = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back on every change from now on; the returned function ends that. */
  subscribe(listener: MembershipListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  publish(configuration: MembershipConfiguration): void {
    if (this.#listeners.size === 0 || this.#ended) return;
    this.#untold.push(configuration);
    if (this.#untold.length === 1) this.#clock.defer(() => this.#tell());
  }

  /** Nothing is told any more. */
  end(): void {
    this.#ended = true;
    this.#untold = [];
    this.#listeners.clear();
  }

  #tell(): void {
    const untold = this.#untold;
    this.#untold = [];
    for (const configuration of untold) {
      for (const listener of [...this.#listeners]) listener(configuration);
    }
  }
}
