import { Client, connectivityState } from "@grpc/grpc-js";
import { channelSecurity, type TlsContext, type TlsSource } from "./tls/client-tls.js";
import { tlsFailure } from "./tls/tls-failure.js";

export interface ChannelOptions {
  readonly answerBytesMax: number;
  /** `undefined`: plaintext. */
  readonly tls?: TlsSource | undefined;
}

const healthPath = "/grpc.health.v1.Health/Check";
const reasonTimeoutMs = 200;

/** The way to one node. It connects when `becomesUp` is asked, or at the first call. */
export class Channel {
  readonly #address: string;
  readonly #options: ChannelOptions;
  /** What connections are made with by `#client`. */
  #tls: TlsContext | undefined;
  #client: Client;
  #closed = false;

  constructor(address: string, options: ChannelOptions) {
    this.#address = address;
    this.#options = options;
    this.#client = this.#newClient();
  }

  /** For calls. Another one after `renew`, and after `becomesUp`. */
  get client(): Client {
    return this.#client;
  }

  /** Whether a call would be sent at once; begins to connect if not. */
  get isUp(): boolean {
    return this.#state() === connectivityState.READY;
  }

  /** Resolves to false as soon as an attempt to connect has failed, or time is up. */
  becomesUp(timeoutMs: number): Promise<boolean> {
    const { tls } = this.#options;
    if (tls !== undefined && tls.current() !== this.#tls && !this.isUp) this.renew();
    const channel = this.#client.getChannel();
    const until = Date.now() + timeoutMs;
    return new Promise((resolve) => {
      const look = (): void => {
        const state = channel.getConnectivityState(true);
        const hasFailed =
          state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN;
        if (state === connectivityState.READY) resolve(true);
        else if (hasFailed || Date.now() >= until) resolve(false);
        else channel.watchConnectivityState(state, until, look);
      };
      look();
    });
  }

  /**
   * Why it did not become up, in one line for people. What broke a handshake is told only to a call,
   * so one is made, which changes nothing should it get through by now.
   */
  async noConnection(): Promise<string> {
    const told = `${this.#address}: no connection; does a node listen there?`;
    const { tls } = this.#options;
    if (tls === undefined || this.#closed) return told;
    const reason = tlsFailure(await this.#failureOfCall());
    const line =
      reason === undefined ? told : `${this.#address}: no connection over TLS: ${reason}`;
    return tls.problem === undefined ? line : `${line}; and new settings are bad: ${tls.problem}`;
  }

  /** Calls under way end with what there was; a connection that is made anew takes the next. */
  renew(): void {
    if (this.#closed) return;
    const former = this.#client;
    this.#client = this.#newClient();
    former.close();
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  #state(): connectivityState {
    return this.#client.getChannel().getConnectivityState(true);
  }

  #failureOfCall(): Promise<string> {
    const same = (bytes: Buffer): Buffer => bytes;
    const deadline = Date.now() + reasonTimeoutMs;
    return new Promise((resolve) => {
      this.#client.makeUnaryRequest(
        healthPath,
        same,
        same,
        Buffer.alloc(0),
        { deadline },
        (error) => resolve(error?.details ?? ""),
      );
    });
  }

  #newClient(): Client {
    this.#tls = this.#options.tls?.current();
    const security = channelSecurity(this.#tls, this.#address);
    return new Client(this.#address, security.credentials, {
      ...security.options,
      "grpc.max_receive_message_length": this.#options.answerBytesMax,
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
}
