import { EngineError } from "@d-engine/core";
import { type handleServerStreamingCall, Metadata, type ServerWritableStream } from "@grpc/grpc-js";
import type { Callers } from "../auth/callers.js";
import type { OpenStream, StreamHandler } from "./call-context.js";
import type { BugListener } from "./unary-call.js";
import { isAnswer, serviceErrorOf } from "./wire-status.js";

/** How often an open stream looks whether the node has changed. */
const lookEveryMs = 100;
/** Messages that a stream may have unsent; a reader that slow is cut off. */
const unsentMessagesMax = 64;

type Call = ServerWritableStream<Buffer, Uint8Array>;

/**
 * The streams that tell of the node's state. All share one timer, which runs only while there are
 * any. Bounded: a stream beyond `streamsMax` is refused with `RATE_LIMITED`, and a reader that
 * does not keep up is ended with it.
 */
export class OpenStreams {
  readonly #streams = new Map<Call, OpenStream>();
  readonly #streamsMax: number;
  readonly #callers: Callers;
  readonly #onBug: BugListener;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(streamsMax: number, callers: Callers, onBug: BugListener) {
    this.#streamsMax = streamsMax;
    this.#callers = callers;
    this.#onBug = onBug;
  }

  /** Runs a handler for the gRPC library. */
  serve(handler: StreamHandler): handleServerStreamingCall<Buffer, Uint8Array> {
    return (call) => {
      const forget = (): void => this.#forget(call);
      call.on("cancelled", forget).on("close", forget).on("error", forget);
      this.#guard(call, () => {
        this.#admit();
        // Before the first message: clients time the headers alone.
        call.sendMetadata(new Metadata());
        const send = (body: Uint8Array): void => sendBounded(call, body);
        const during = (work: () => void): void => this.#guard(call, work);
        const caller = this.#callers.of(call.metadata);
        const stream = handler(call.request, { caller, authority: call.getHost(), send, during });
        this.#streams.set(call, stream);
        this.#timer ??= setInterval(() => this.#look(), lookEveryMs).unref();
      });
    };
  }

  /** Ends every stream with UNAVAILABLE, which tells readers to come back, and admits no more. */
  close(): void {
    this.#closed = true;
    for (const call of [...this.#streams.keys()]) end(call, shuttingDown());
  }

  #admit(): void {
    if (this.#closed) throw shuttingDown();
    if (this.#streams.size < this.#streamsMax) return;
    throw new EngineError(
      "RATE_LIMITED",
      `${this.#streamsMax} streams are open on this node (streamsMax); close some`,
      { retryAfterMs: 1_000 },
    );
  }

  #look(): void {
    for (const [call, stream] of [...this.#streams]) this.#guard(call, () => stream.update?.());
  }

  #guard(call: Call, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isAnswer(error)) this.#onBug(error, call.getPath());
      end(call, error);
    }
  }

  #forget(call: Call): void {
    const stream = this.#streams.get(call);
    this.#streams.delete(call);
    stream?.closed?.();
    if (this.#streams.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function sendBounded(call: Call, body: Uint8Array): void {
  if (call.writableLength >= unsentMessagesMax) {
    throw new EngineError(
      "RATE_LIMITED",
      `${unsentMessagesMax} messages wait for this reader; open the stream again to catch up`,
    );
  }
  call.write(body);
}

/** Ends a stream with a status; the library takes it as an event of the call. */
function end(call: Call, error: unknown): void {
  call.emit("error", serviceErrorOf(error));
}

function shuttingDown(): EngineError {
  return new EngineError("CLOSED", "this node is shutting down; ask another, or again later");
}
