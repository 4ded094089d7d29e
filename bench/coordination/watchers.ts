import type { EngineClient, Watch } from "d-engine";

/** Watchers of single keys, each read by a loop of its own. */
export class Watchers {
  /** Events that were read by all of them. */
  seen = 0;
  readonly #watches: Watch[] = [];
  readonly #loops: Promise<void>[] = [];
  #onSeen: { readonly count: number; readonly resolve: () => void } | undefined;

  /** Opens them, and waits until all are there. */
  async open(client: EngineClient, keys: readonly Uint8Array[]): Promise<void> {
    const opened = keys.map((key) => client.watch(key));
    this.#watches.push(...opened);
    for (const watch of opened) this.#loops.push(this.#read(watch));
    await Promise.all(opened.map((watch) => watch.ready()));
  }

  /** Resolves when so many events were read since the watchers are there. */
  reached(count: number): Promise<void> {
    if (this.seen >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSeen = { count, resolve };
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.return?.()));
    await Promise.all(this.#loops);
  }

  async #read(watch: Watch): Promise<void> {
    for await (const { events } of watch) {
      this.seen += events.length;
      if (this.#onSeen === undefined || this.seen < this.#onSeen.count) continue;
      this.#onSeen.resolve();
      this.#onSeen = undefined;
    }
  }
}
