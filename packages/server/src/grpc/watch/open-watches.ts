import { EngineError } from "@d-engine/core";
import { Metadata, type ServiceError } from "@grpc/grpc-js";
import type { BugListener } from "../unary-call.js";
import { isAnswer, serviceErrorOf } from "../wire-status.js";
import { WatchQuota, type WatchQuotaSetup } from "./watch-quota.js";

/** As much of a call of the library as both kinds of watch streams have. */
export interface WatchCall {
  emit(event: "error", error: ServiceError): unknown;
  end(): void;
  getPath(): string;
  on(event: "cancelled" | "close" | "error", listener: () => void): unknown;
  sendMetadata(headers: Metadata): void;
}

/** What serves one stream. */
export interface WatchStream {
  /** The stream has ended, whoever ended it. */
  closed(): void;
}

/** The end of a stream: well without an error, otherwise with the status that it stands for. */
export type EndStream = (error?: unknown) => void;

export interface OpenWatchesSetup extends WatchQuotaSetup {
  readonly streamsMax: number;
  readonly onBug: BugListener;
}

/** All watch streams of a node. Bounded: one beyond `watchStreamsMax` is refused `RATE_LIMITED`. */
export class OpenWatches {
  /** Bounds single watches, of which a stream may have many. */
  readonly quota: WatchQuota;
  readonly #setup: OpenWatchesSetup;
  readonly #ends = new Set<EndStream>();
  #closed = false;

  constructor(setup: OpenWatchesSetup) {
    this.#setup = setup;
    this.quota = new WatchQuota(setup);
  }

  /** Serves one stream by what `open` makes of it; its errors end the stream. */
  serve(
    call: WatchCall,
    open: (end: EndStream) => WatchStream,
    errorOf: (error: unknown) => ServiceError = serviceErrorOf,
  ): void {
    let stream: WatchStream | undefined;
    let over = false;
    const forget = (): void => {
      over = true;
      this.#ends.delete(end);
      stream?.closed();
    };
    const end: EndStream = (error) => {
      if (over) return;
      forget();
      if (error === undefined) {
        call.end();
        return;
      }
      if (!isAnswer(error)) this.#setup.onBug(error, call.getPath());
      // The library takes it for the status that the stream ends with.
      call.emit("error", errorOf(error));
    };
    call.on("cancelled", forget);
    call.on("close", forget);
    call.on("error", forget);
    // Before the first message: clients time the headers alone.
    call.sendMetadata(new Metadata());
    try {
      this.#admit();
      this.#ends.add(end);
      stream = open(end);
      if (over) stream.closed();
    } catch (error) {
      end(error);
    }
  }

  /** Ends every stream with UNAVAILABLE, which tells readers to come back, and admits no more. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#ends]) end(shuttingDown());
  }

  #admit(): void {
    if (this.#closed) throw shuttingDown();
    const { streamsMax } = this.#setup;
    if (this.#ends.size < streamsMax) return;
    const message = `${streamsMax} watch streams are open on this node (watchStreamsMax); close some`;
    throw new EngineError("RATE_LIMITED", message, { retryAfterMs: 1_000 });
  }
}

function shuttingDown(): EngineError {
  return new EngineError("CLOSED", "this node is shutting down; ask another, or again later");
}
