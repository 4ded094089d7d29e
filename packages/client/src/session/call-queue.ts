import type { SessionCall } from "./session-call.js";

/** Calls that wait to be sent, in order. Those that ended meanwhile are skipped and let go. */
export class CallQueue {
  #calls: SessionCall[] = [];
  #head = 0;
  /** Ended calls that may still be held. */
  #ended = 0;

  push(call: SessionCall): void {
    this.#calls.push(call);
  }

  /** The first call that anybody waits for. */
  peek(): SessionCall | undefined {
    for (; this.#head < this.#calls.length; this.#head += 1) {
      const call = this.#calls[this.#head] as SessionCall;
      if (call.open) return call;
      this.#ended = Math.max(0, this.#ended - 1);
    }
    this.#calls.length = 0;
    this.#head = 0;
    return undefined;
  }

  shift(): SessionCall | undefined {
    const call = this.peek();
    if (call !== undefined) this.#head += 1;
    return call;
  }

  /** A call in here has ended. Without this, callers who give up in a loop would fill memory. */
  noteEnded(): void {
    this.#ended += 1;
    if (this.#ended * 2 < this.#calls.length - this.#head || this.#ended < compactAt) return;
    this.#calls = this.#calls.slice(this.#head).filter((call) => call.open);
    this.#head = 0;
    this.#ended = 0;
  }

  *[Symbol.iterator](): IterableIterator<SessionCall> {
    for (let at = this.#head; at < this.#calls.length; at += 1) {
      const call = this.#calls[at] as SessionCall;
      if (call.open) yield call;
    }
  }
}

/** Below this many ended calls a copy is not worth it. */
const compactAt = 64;
