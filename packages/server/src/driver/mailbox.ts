import type { InputEvent } from "@d-engine/core";
import { Fifo } from "./fifo.js";

/**
 * Hands events over one at a time: one that arrives while another is being handled waits for its
 * turn, so that the core is never entered twice. A throw while handling is reported once and
 * closes the mailbox, since whatever threw may be half done.
 *
 * Bounded by construction: it only fills while a handler runs, with what that handler causes.
 */
export class Mailbox {
  readonly #handle: (event: InputEvent) => void;
  readonly #failed: (error: unknown) => void;
  readonly #events = new Fifo<InputEvent>();
  #busy = false;
  #closed = false;

  constructor(handle: (event: InputEvent) => void, failed: (error: unknown) => void) {
    this.#handle = handle;
    this.#failed = failed;
  }

  /** Handles the event now, or right after the one in hand. Ignored once closed. */
  post(event: InputEvent): void {
    if (this.#closed) return;
    this.#events.push(event);
    if (!this.#busy) this.#drain();
  }

  /** After this nothing is handled any more, not even what waits. */
  close(): void {
    this.#closed = true;
  }

  #drain(): void {
    this.#busy = true;
    try {
      for (;;) {
        const event = this.#closed ? undefined : this.#events.shift();
        if (event === undefined) break;
        this.#handle(event);
      }
    } catch (error) {
      this.#closed = true;
      this.#failed(error);
    } finally {
      this.#busy = false;
    }
  }
}
