import { connect, type EngineClient } from "@d-engine/client";

/** A client that behaves, while others do not: it writes and reads back until it is stopped. */
export class GoodClient {
  readonly #client: EngineClient & AsyncDisposable;
  readonly #done: Promise<void>;
  #stopped = false;
  #rounds = 0;

  private constructor(client: EngineClient & AsyncDisposable) {
    this.#client = client;
    this.#done = this.#work();
    // Told by `stop`.
    this.#done.catch(() => undefined);
  }

  static async start(addresses: readonly string[]): Promise<GoodClient> {
    return new GoodClient(await connect([...addresses]));
  }

  /** Rounds so far: each was acknowledged and read back. */
  get rounds(): number {
    return this.#rounds;
  }

  /** Resolves when another few rounds have succeeded; rejects when one has not. */
  async servedAgain(): Promise<void> {
    const wanted = this.#rounds + 3;
    while (this.#rounds < wanted) {
      await Promise.race([this.#done, new Promise((resolve) => setImmediate(resolve))]);
      if (this.#stopped) throw new Error("the client was stopped");
    }
  }

  /** Rejects with what went wrong for it, if anything did. */
  async stop(): Promise<void> {
    this.#stopped = true;
    try {
      await this.#done;
    } finally {
      await this.#client[Symbol.asyncDispose]();
    }
  }

  async #work(): Promise<void> {
    while (!this.#stopped) {
      const value = String(this.#rounds);
      await this.#client.put("good", value);
      const read = await this.#client.getString("good");
      if (read !== value) throw new Error(`wrote ${value}, read ${read}`);
      this.#rounds += 1;
    }
  }
}
