import type { TransportAnswer, TransportCallOptions } from "@d-engine/client";
import type { ScheduledEvent } from "../world/event-queue.js";
import type { World } from "../world/world.js";

/** One call under way; ends once, by an answer, its deadline, its caller or its connection. */
export class OpenCall {
  readonly #address: string;
  readonly #options: TransportCallOptions;
  readonly #resolve: (answer: TransportAnswer) => void;
  readonly #deadline: ScheduledEvent;
  readonly #onEnd: ((answered: boolean) => void)[] = [];
  #ended = false;

  constructor(
    world: World,
    address: string,
    options: TransportCallOptions,
    resolve: (answer: TransportAnswer) => void,
  ) {
    this.#address = address;
    this.#options = options;
    this.#resolve = resolve;
    this.#deadline = world.schedule(options.timeoutMs, () =>
      this.end("deadline", `no answer within ${Math.round(options.timeoutMs)} ms`),
    );
    if (options.signal?.aborted) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Calls `listener` once, when the call ends: by an answer, or without one. */
  whenEnded(listener: (answered: boolean) => void): void {
    this.#onEnd.push(listener);
  }

  end(kind: "unreachable" | "lost" | "deadline" | "aborted", why: string): void {
    this.settle({ kind: "failed", failure: { kind, message: `${this.#address}: ${why}` } });
  }

  settle(answer: TransportAnswer): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deadline.cancelled = true;
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    for (const listener of this.#onEnd) listener(answer.kind === "answered");
    this.#resolve(answer);
  }

  readonly #onAbort = (): void => this.end("aborted", "aborted by the caller");
}
