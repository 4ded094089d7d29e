/** What one host may send to another: shared by all connections between them. */
export class Gate {
  #isBlocked = false;
  #delayMs = 0;
  /** Pieces of traffic that met the block. */
  heldBack = 0;
  readonly #listeners = new Set<() => void>();

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  set(state: { readonly isBlocked?: boolean; readonly delayMs?: number }): void {
    this.#isBlocked = state.isBlocked ?? this.#isBlocked;
    this.#delayMs = state.delayMs ?? this.#delayMs;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls back after each change; the returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when traffic may pass, at once if it may now; to false if `signal` aborts first. */
  open(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (!this.#isBlocked) return Promise.resolve(true);
    this.heldBack += 1;
    return new Promise((resolve) => {
      const end = (isOpen: boolean) => {
        unlisten();
        signal.removeEventListener("abort", onAbort);
        resolve(isOpen);
      };
      const onAbort = () => end(false);
      const unlisten = this.onChange(() => {
        if (!this.#isBlocked) end(true);
      });
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
