import type { LogIndex } from "../ids.js";

/**
 * The append requests with entries that one peer has not acknowledged. Bounded in messages and
 * in bytes; at the bound nothing more is sent until an answer or a fall back to probing.
 */
export class InflightWindow {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #sent: { readonly last: LogIndex; readonly bytes: number }[] = [];
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#sent.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Full means: no further request. One request may overshoot the byte bound. */
  get full(): boolean {
    return this.#sent.length >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  add(last: LogIndex, bytes: number): void {
    this.#sent.push({ last, bytes });
    this.#bytes += bytes;
  }

  /** Frees every request that ends at or below `matchIndex`. */
  freeTo(matchIndex: LogIndex): void {
    let done = 0;
    while (done < this.#sent.length && this.#sent[done]!.last <= matchIndex) {
      this.#bytes -= this.#sent[done]!.bytes;
      done++;
    }
    if (done > 0) this.#sent.splice(0, done);
  }

  clear(): void {
    this.#sent = [];
    this.#bytes = 0;
  }
}
