import type { Clock, Timer } from "@d-engine/core";
import type {
  TransportFailure,
  TransportStream,
  TransportStreamEvent,
} from "../client-transport.js";

/** Messages, and bytes of messages, beyond which the other side is not read from. */
const waitingMessagesMax = 64;
const waitingBytesMax = 4 * 1024 * 1024;

export interface InboundStreamOptions {
  readonly address: string;
  readonly clock: Clock;
  /** Milliseconds until the first message. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** What brings the messages. */
export interface InboundSource<Input = never> {
  send(input: Input): void;
  /** Brings no more until `resume`; what is on its way already may still come. */
  pause(): void;
  resume(): void;
  cancel(): void;
}

/**
 * Between what brings messages, whenever they arrive, and the one who takes them: a queue with
 * bounds, beyond which the source is paused. The end comes behind what arrived before it, except
 * when it is our own doing.
 */
export class InboundStream<Message, Input = never> implements TransportStream<Message, Input> {
  readonly #options: InboundStreamOptions;
  readonly #timer: Timer;
  readonly #waiting: { readonly message: Message; readonly bytes: number }[] = [];
  #waitingBytes = 0;
  #paused = false;
  #source: InboundSource<Input> | undefined;
  /** What was sent before there was anywhere to send it to. */
  #unsent: Input[] = [];
  #failure: TransportFailure | undefined;
  #taker: ((event: TransportStreamEvent<Message>) => void) | undefined;
  #endListeners: (() => void)[] = [];

  constructor(options: InboundStreamOptions) {
    this.#options = options;
    const { address, clock, timeoutMs, signal } = options;
    const message = `${address}: nothing came of the stream within ${Math.ceil(timeoutMs)} ms`;
    this.#timer = clock.setTimer(timeoutMs, () => this.#break({ kind: "deadline", message }));
    if (signal?.aborted) this.cancel();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Whoever feeds the stream need not go on. */
  get isOver(): boolean {
    return this.#failure !== undefined;
  }

  /** Names what brings the messages; it is cancelled at once when the stream is over already. */
  from(source: InboundSource<Input>): void {
    if (this.isOver) {
      source.cancel();
      return;
    }
    this.#source = source;
    for (const input of this.#unsent.splice(0)) source.send(input);
  }

  send(input: Input): void {
    if (this.isOver) return;
    if (this.#source === undefined) this.#unsent.push(input);
    else this.#source.send(input);
  }

  /** Calls back once, when nothing more can arrive. */
  whenEnded(listener: () => void): void {
    if (this.isOver) listener();
    else this.#endListeners.push(listener);
  }

  received(message: Message, bytes: number): void {
    if (this.isOver) return;
    this.#timer.cancel();
    if (this.#taker !== undefined) {
      this.#give({ kind: "received", message });
      return;
    }
    this.#waiting.push({ message, bytes });
    this.#waitingBytes += bytes;
    if (!this.#paused && this.#isFull) {
      this.#paused = true;
      this.#source?.pause();
    }
  }

  /** The first end counts. */
  ended(failure: TransportFailure): void {
    if (this.isOver) return;
    this.#failure = failure;
    this.#unsent = [];
    this.#timer.cancel();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#give({ kind: "failed", failure });
    for (const listener of this.#endListeners.splice(0)) listener();
  }

  async next(): Promise<TransportStreamEvent<Message>> {
    const first = this.#waiting.shift();
    if (first !== undefined) {
      this.#waitingBytes -= first.bytes;
      this.#readOn();
      return { kind: "received", message: first.message };
    }
    if (this.#failure !== undefined) return { kind: "failed", failure: this.#failure };
    return await new Promise((resolve) => {
      this.#taker = resolve;
    });
  }

  cancel(): void {
    this.#break({ kind: "aborted", message: `${this.#options.address}: the stream was canceled` });
  }

  readonly #onAbort = (): void => this.cancel();

  #break(failure: TransportFailure): void {
    if (this.isOver) return;
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.ended(failure);
    this.#source?.cancel();
  }

  /** Half of the bounds, so that the source is not stopped and started for each message. */
  #readOn(): void {
    const isHalfEmpty =
      this.#waiting.length <= waitingMessagesMax / 2 && this.#waitingBytes <= waitingBytesMax / 2;
    if (!this.#paused || !isHalfEmpty) return;
    this.#paused = false;
    this.#source?.resume();
  }

  get #isFull(): boolean {
    return this.#waiting.length >= waitingMessagesMax || this.#waitingBytes >= waitingBytesMax;
  }

  #give(event: TransportStreamEvent<Message>): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.(event);
  }
}
