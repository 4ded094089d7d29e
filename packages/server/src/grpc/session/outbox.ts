import { encodeSessionResponse, type SessionResult, sessionResultSize } from "@d-engine/codec";
import { Fifo } from "../../driver/fifo.js";
import type { LongResult } from "./long-result.js";

/** Bytes of one answer, above which it is sent and another begun. */
export const responseBytesMax = 1024 * 1024;

export interface OutboxSetup {
  /** Bytes handed to the connection and not taken by it; beyond, results wait here. */
  readonly unsentBytesMax: number;
  /** Hands one message over; calls back when the connection has taken it. */
  write(bytes: Uint8Array, taken: () => void): void;
  /** The operation is answered in full, in what was written last. */
  answered(id: number): void;
  /** Called when the reader falls behind (`true`) and when it has caught up. */
  behind(isBehind: boolean): void;
}

/**
 * The answers of one stream on their way out. What gathers within one turn of the event loop
 * leaves as one message, or as a few of at most `responseBytesMax`: a group commit ends thousands
 * of writes at once. Short results overtake the parts of long ones.
 *
 * Holds as many results as operations may be unanswered.
 */
export class Outbox {
  readonly #setup: OutboxSetup;
  readonly #short = new Fifo<SessionResult>();
  readonly #long = new Fifo<LongResult>();
  #pong: number | undefined;
  #draining = false;
  #unsentBytes = 0;
  #scheduled = false;
  #behind = false;
  #closed = false;
  readonly #flushTurn = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  constructor(setup: OutboxSetup) {
    this.#setup = setup;
  }

  /** Whether everything has been handed over. */
  get isEmpty(): boolean {
    return this.#short.length === 0 && this.#long.length === 0 && !this.#hasNotice;
  }

  add(result: SessionResult): void {
    if (this.#closed) return;
    this.#short.push(result);
    this.#schedule();
  }

  addLong(result: LongResult): void {
    if (this.#closed) return;
    this.#long.push(result);
    this.#schedule();
  }

  /** Answers a ping; of several that wait the newest is answered. */
  pong(value: number): void {
    this.#pong = value;
    this.#schedule();
  }

  /** Tells the client that the node is about to stop. */
  drain(): void {
    this.#draining = true;
    this.#schedule();
  }

  /** Drops what is left. */
  close(): void {
    this.#closed = true;
    this.#short.retain(nothing);
    this.#long.retain(nothing);
  }

  /** Sends what the connection has room for. */
  flush(): void {
    const { unsentBytesMax } = this.#setup;
    while (!this.#closed && !this.isEmpty && this.#unsentBytes < unsentBytesMax) this.#send();
    this.#setBehind(!this.#closed && this.#unsentBytes >= unsentBytesMax);
  }

  get #hasNotice(): boolean {
    return this.#pong !== undefined || this.#draining;
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(this.#flushTurn);
  }

  #send(): void {
    const { results, answered } = this.#gather();
    const bytes = encodeSessionResponse({
      results,
      pong: this.#pong,
      draining: this.#draining,
    });
    this.#pong = undefined;
    this.#draining = false;
    this.#unsentBytes += bytes.length;
    this.#setup.write(bytes, () => {
      this.#unsentBytes -= bytes.length;
      this.flush();
    });
    for (const id of answered) this.#setup.answered(id);
  }

  #gather(): { readonly results: readonly SessionResult[]; readonly answered: readonly number[] } {
    const results: SessionResult[] = [];
    const answered: number[] = [];
    let room = responseBytesMax;
    for (let head = this.#short.peek(); head !== undefined && room > 0; head = this.#short.peek()) {
      this.#short.shift();
      results.push(head);
      answered.push(head.id);
      room -= sessionResultSize(head);
    }
    for (let head = this.#long.peek(); head !== undefined; head = this.#long.peek()) {
      const part = head.take(room, results.length === 0);
      if (part === undefined) break;
      results.push(part.result);
      room -= part.bytes;
      if (!part.last) break;
      this.#long.shift();
      answered.push(head.id);
    }
    return { results, answered };
  }

  #setBehind(isBehind: boolean): void {
    if (this.#behind === isBehind) return;
    this.#behind = isBehind;
    this.#setup.behind(isBehind);
  }
}

function nothing(): boolean {
  return false;
}
