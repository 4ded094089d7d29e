/** Who wants to be called several times in a heartbeat interval, while the node takes calls in. */
export class TickFeed {
  readonly #listeners = new Set<() => void>();

  /** The returned function ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  tick(): void {
    for (const listener of this.#listeners) listener();
  }
}
