import {
  type Clock,
  invariant,
  type OpenedStorage,
  type Timer,
  type Transport,
} from "@d-engine/core";
import type { Logger } from "./logger.js";

/** Where a node stands between its start and its end. */
export type NodeState = "starting" | "running" | "closing" | "closed" | "failed";

export interface LifecycleSetup {
  readonly transport: Transport;
  readonly storage: OpenedStorage;
  /** Ends what uses the storage by itself. */
  readonly quiesce: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closeTimeoutMs: number;
  /** Whether nobody waits for anything. */
  readonly idle: () => boolean;
}

/**
 * The states of a node, and the release of what it holds, which happens exactly once whatever
 * ends it: starting → running → closing → closed, or failed from any of them.
 */
export class Lifecycle {
  /** Resolves when everything is released, with the error that ended the node, if any. */
  readonly closed: Promise<Error | undefined>;
  /** The tick; cancelled when the node ends. */
  timer: Timer | undefined;
  readonly #setup: LifecycleSetup;
  #resolveClosed!: (error: Error | undefined) => void;
  #state: NodeState = "starting";
  #failure: Error | undefined;
  #closeBeforeMs = 0;
  #releasing = false;

  constructor(setup: LifecycleSetup) {
    this.#setup = setup;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get state(): NodeState {
    return this.#state;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  run(): void {
    invariant(this.#state === "starting", () => `a ${this.#state} node cannot start`);
    this.#state = "running";
  }

  /** Accepted work has until `closeTimeoutMs` from now. */
  beginClose(): void {
    invariant(this.#state === "running", () => `a ${this.#state} node cannot begin to close`);
    this.#state = "closing";
    this.#closeBeforeMs = this.#setup.clock.nowMs() + this.#setup.closeTimeoutMs;
  }

  /** Closing, and either nothing is left to do or there is no time for it. */
  get readyToEnd(): boolean {
    if (this.#state !== "closing" || this.#releasing) return false;
    return this.#setup.idle() || this.#setup.clock.nowMs() >= this.#closeBeforeMs;
  }

  /** Releases everything after a close. */
  end(): void {
    void this.#release();
  }

  /** Releases everything after a failure; the node never serves again. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#state = "failed";
    void this.#release();
  }

  async #release(): Promise<void> {
    if (this.#releasing) return;
    this.#releasing = true;
    this.timer?.cancel();
    const { transport, storage, quiesce } = this.#setup;
    await this.#attempt("the transport", () => transport.close());
    await this.#attempt("the snapshots", quiesce);
    await this.#attempt("the storage", () => storage.close());
    this.#state = this.#failure === undefined ? "closed" : "failed";
    this.#resolveClosed(this.#failure);
  }

  async #attempt(what: string, close: () => Promise<void>): Promise<void> {
    try {
      await close();
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      this.#setup.logger.error(`${what} did not close: ${failure.message}`, { error });
      this.#failure ??= failure;
    }
  }
}
