import { Client, connectivityState, credentials, Metadata } from "@grpc/grpc-js";
import { failureOfStatus } from "./call-failure.js";
import type { TransportAnswer, TransportCallOptions } from "./client-transport.js";

export interface ConnectionOptions {
  /** Milliseconds that a connection may take to come about. */
  readonly connectTimeoutMs: number;
  /** Bytes of the largest answer that is read. */
  readonly answerBytesMax: number;
}

/**
 * One channel to one node. Connects when first needed and again after it broke. A call is made
 * only on a channel that is up, so that "could not connect" (no effect) and "broke on the way"
 * (perhaps executed) stay apart.
 */
export class Connection {
  readonly #address: string;
  readonly #client: Client;
  readonly #options: ConnectionOptions;
  #callsInFlight = 0;

  constructor(address: string, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": options.answerBytesMax,
      "grpc.max_send_message_length": -1,
      // Whether a call may be repeated is decided in one place, retry.ts: no policy from DNS.
      "grpc.service_config_disable_resolution": 1,
      "grpc.enable_http_proxy": 0,
      // A socket of our own, so that closing the channel closes it.
      "grpc.use_local_subchannel_pool": 1,
      // The library's own pauses grow to two minutes, far beyond any caller's deadline.
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 500,
      "grpc.keepalive_time_ms": 30_000,
      "grpc.keepalive_timeout_ms": 5_000,
    });
  }

  get isIdle(): boolean {
    return this.#callsInFlight === 0;
  }

  /** Begins to connect, for whoever calls next. */
  prepare(): void {
    this.#client.getChannel().getConnectivityState(true);
  }

  async call(
    path: string,
    request: Uint8Array,
    options: TransportCallOptions,
  ): Promise<TransportAnswer> {
    this.#callsInFlight += 1;
    try {
      const deadline = Date.now() + options.timeoutMs;
      if (!this.#isUp() && !(await this.#becomesUp(deadline))) {
        const message = `${this.#address}: no connection; does a node listen there?`;
        return { kind: "failed", failure: { kind: "unreachable", message } };
      }
      if (options.signal?.aborted) {
        const message = `${this.#address}: aborted before anything was sent`;
        return { kind: "failed", failure: { kind: "aborted", message } };
      }
      return await this.#send(path, request, deadline, options.signal);
    } finally {
      this.#callsInFlight -= 1;
    }
  }

  close(): void {
    this.#client.close();
  }

  #isUp(): boolean {
    return this.#client.getChannel().getConnectivityState(true) === connectivityState.READY;
  }

  /** Resolves to false as soon as an attempt to connect has failed, or time is up. */
  #becomesUp(deadline: number): Promise<boolean> {
    const channel = this.#client.getChannel();
    const until = Math.min(deadline, Date.now() + this.#options.connectTimeoutMs);
    return new Promise((resolve) => {
      const look = (): void => {
        const state = channel.getConnectivityState(true);
        const failed =
          state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN;
        if (state === connectivityState.READY) resolve(true);
        else if (failed || Date.now() >= until) resolve(false);
        else channel.watchConnectivityState(state, until, look);
      };
      look();
    });
  }

  #send(
    path: string,
    request: Uint8Array,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<TransportAnswer> {
    return new Promise((resolve) => {
      const onAbort = (): void => call.cancel();
      const call = this.#client.makeUnaryRequest(
        path,
        asBuffer,
        asIs,
        request,
        new Metadata(),
        { deadline },
        (error, body) => {
          signal?.removeEventListener("abort", onAbort);
          if (error === null) {
            resolve({ kind: "answered", body: body as Buffer });
            return;
          }
          const failure = failureOfStatus(this.#address, error);
          const { message } = failure;
          const aborted = signal?.aborted === true;
          resolve({ kind: "failed", failure: aborted ? { kind: "aborted", message } : failure });
        },
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
