import type { LeaderInfo } from "@d-engine/client";

export type LeaderListener = (leader: LeaderInfo | undefined) => void;

/**
 * Who leads and can serve, as this node knows it, and who wants to hear of changes. Listeners are
 * called once for each change, never twice with equal values.
 */
export class LeaderTracker {
  #current: LeaderInfo | undefined;
  readonly #listeners = new Set<LeaderListener>();

  get current(): LeaderInfo | undefined {
    return this.#current;
  }

  /** Calls back on every change from now on; the returned function ends that. */
  subscribe(listener: LeaderListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  update(leader: LeaderInfo | undefined): void {
    const before = this.#current;
    if (before?.leaderId === leader?.leaderId && before?.term === leader?.term) return;
    this.#current = leader;
    for (const listener of [...this.#listeners]) listener(leader);
  }
}
