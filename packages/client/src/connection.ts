import { isEngineError } from "@d-engine/core";
import { client, cluster, kvService } from "@d-engine/proto";
import { type Credentials, metadataOf } from "./auth/credentials.js";
import { failureOfStatus } from "./call-failure.js";
import { Channel } from "./channel.js";
import type {
  TransportAnswer,
  TransportCallOptions,
  TransportFailure,
  TransportMethod,
  TransportRequest,
  TransportStreamInputs,
  TransportStreamKind,
  TransportStreamMessages,
  TransportStreamOptions,
} from "./client-transport.js";
import { asBuffer, asIs, pathOf } from "./grpc-bytes.js";
import { systemClock, systemRandom } from "./internal/system-clock.js";
import { openGrpcStream } from "./session/grpc-stream.js";
import { SessionLink } from "./session/session-link.js";
import { startGrpcStream } from "./streams/grpc-inbound.js";
import type { InboundStream } from "./streams/inbound-stream.js";
import type { TlsSource } from "./tls/client-tls.js";
import { decodeAnswer, encodeRequest } from "./wire-messages.js";

export interface ConnectionOptions {
  /** Milliseconds that a connection may take to come about, and a session to be greeted. */
  readonly connectTimeoutMs: number;
  /** Bytes of the largest answer that is read. */
  readonly answerBytesMax: number;
  /** `undefined`: plaintext. */
  readonly tls?: TlsSource | undefined;
  /** Whether sessions are used where the node has them. */
  readonly session: boolean;
  /** Milliseconds without a word in a session that is owed answers, after which it is broken. */
  readonly silenceTimeoutMs: number;
  /** Who the client is, where it says so. */
  readonly credentials?: Credentials | undefined;
}

/** Sessions that nobody uses are closed after this: an open one keeps the process running. */
const sessionIdleTimeoutMs = 2_000;

/**
 * One channel to one node. Connects when first needed and again after it broke. A call is made
 * only on a channel that is up, so that "could not connect" (no effect) and "broke on the way"
 * (perhaps executed) stay apart. Operations go through a session where the node has them.
 */
export class Connection {
  readonly #address: string;
  readonly #options: ConnectionOptions;
  readonly #sessions: SessionLink;
  /** What the session in use was opened with. */
  #sessionToken: string | undefined;
  readonly #channel: Channel;
  #callsInFlight = 0;

  constructor(address: string, options: ConnectionOptions) {
    this.#address = address;
    this.#options = options;
    this.#channel = new Channel(address, options);
    this.#sessions = new SessionLink({
      address,
      open: (listener) => {
        this.#sessionToken = options.credentials?.token;
        const metadata = metadataOf(this.#sessionToken);
        return openGrpcStream(this.#channel.client, address, metadata, listener);
      },
      clock: systemClock,
      random: systemRandom,
      options: {
        helloTimeoutMs: options.connectTimeoutMs,
        silenceTimeoutMs: options.silenceTimeoutMs,
        idleTimeoutMs: sessionIdleTimeoutMs,
        answerBytesMax: options.answerBytesMax,
      },
      onSilent: () => this.#renew(),
    });
  }

  get isIdle(): boolean {
    return this.#callsInFlight === 0 && this.#sessions.isIdle;
  }

  /** Begins to connect, for whoever calls next. */
  prepare(): void {
    void this.#channel.isUp; // which begins to connect
  }

  /** Makes one attempt, or another with a new token when that is what it lacked. Never rejects. */
  call(request: TransportRequest, options: TransportCallOptions): Promise<TransportAnswer> {
    const { credentials } = this.#options;
    if (credentials === undefined) return this.#attempt(request, options);
    return this.#attemptAs(credentials, request, options);
  }

  /**
   * Gets a token where the node wants one. Resolves with why it gave none.
   */
  authenticate(timeoutMs: number): Promise<TransportFailure | undefined> {
    const { credentials } = this.#options;
    // One that was given is shown with the first call.
    if (credentials === undefined || credentials.token !== undefined) {
      return Promise.resolve(undefined);
    }
    const nothingGiven: TransportFailure = {
      kind: "refused",
      code: "UNAUTHENTICATED",
      message: `${this.#address}: there is no user to get a token for`,
    };
    return this.#renewed(credentials, undefined, nothingGiven, { timeoutMs });
  }

  async #attemptAs(
    credentials: Credentials,
    request: TransportRequest,
    options: TransportCallOptions,
  ): Promise<TransportAnswer> {
    const deadlineMs = systemClock.nowMs() + options.timeoutMs;
    const used = credentials.token;
    const answer = await this.#attempt(request, options);
    if (answer.kind === "answered" || !lacksToken(answer.failure)) return answer;
    const rest = { ...options, timeoutMs: Math.max(1, deadlineMs - systemClock.nowMs()) };
    const isStale = this.#options.session && this.#sessionToken !== used;
    const failure = isStale
      ? undefined
      : await this.#renewed(credentials, used, answer.failure, rest);
    if (failure !== undefined) return { kind: "failed", failure };
    this.#sessions.replace();
    rest.timeoutMs = Math.max(1, deadlineMs - systemClock.nowMs());
    return await this.#attempt(request, rest);
  }

  #renewed(
    credentials: Credentials,
    refused: string | undefined,
    refusal: TransportFailure,
    options: TransportCallOptions,
  ): Promise<TransportFailure | undefined> {
    return credentials.renew(refused, refusal, (path, body) => this.#send(path, body, options));
  }

  #attempt(request: TransportRequest, options: TransportCallOptions): Promise<TransportAnswer> {
    const useSession = this.#options.session && request.kind !== "metadata";
    // A session that is there says by itself when the channel is not: no look at that is needed.
    if (!useSession || !this.#sessions.takesCalls) return this.#connectAndCall(request, options);
    if (options.signal?.aborted) return Promise.resolve(this.#abortedBefore());
    return this.#sessions.call(request, options, () => this.#unary(request, options));
  }

  /** Connects if need be, and feeds `stream` from then on until it ends. */
  open<Kind extends TransportStreamKind>(
    { kind }: { readonly kind: Kind },
    { timeoutMs }: TransportStreamOptions,
    stream: InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>,
  ): void {
    this.#callsInFlight += 1;
    stream.whenEnded(() => {
      this.#callsInFlight -= 1;
    });
    void this.#becomesUp(timeoutMs).then(async (isUp) => {
      if (!isUp) {
        stream.ended({ kind: "unreachable", message: await this.#noConnection() });
        return;
      }
      const token = this.#options.credentials?.token;
      startGrpcStream<Kind>(
        this.#channel.client,
        this.#address,
        kind,
        metadataOf(token),
        stream,
        (failure) => this.#reviewed(token, failure, timeoutMs),
      );
    });
  }

  /** A stream that only lacked a token is as good as one that broke: the next one has it. */
  async #reviewed(
    token: string | undefined,
    failure: TransportFailure,
    timeoutMs: number,
  ): Promise<TransportFailure> {
    const { credentials } = this.#options;
    if (credentials === undefined || !lacksToken(failure)) return failure;
    const renewal = await this.#renewed(credentials, token, failure, { timeoutMs });
    return renewal ?? { kind: "lost", message: failure.message };
  }

  close(): void {
    this.#sessions.close();
    this.#channel.close();
  }

  async #connectAndCall(
    request: TransportRequest,
    options: TransportCallOptions,
  ): Promise<TransportAnswer> {
    const deadlineMs = systemClock.nowMs() + options.timeoutMs;
    this.#callsInFlight += 1;
    try {
      if (!this.#isUp() && !(await this.#becomesUp(options.timeoutMs))) {
        return failed("unreachable", await this.#noConnection());
      }
      if (options.signal?.aborted) return this.#abortedBefore();
      const rest = { ...options, timeoutMs: Math.max(1, deadlineMs - systemClock.nowMs()) };
      const unary = (): Promise<TransportAnswer> => this.#unary(request, rest);
      if (!this.#options.session || request.kind === "metadata") return await unary();
      return await this.#sessions.call(request, rest, unary);
    } finally {
      this.#callsInFlight -= 1;
    }
  }

  /** The channel carries nothing although it is up: what is under way ends there, the rest here. */
  #renew(): void {
    this.#channel.renew();
    this.prepare();
  }

  #becomesUp(timeoutMs: number): Promise<boolean> {
    return this.#channel.becomesUp(Math.min(timeoutMs, this.#options.connectTimeoutMs));
  }

  #noConnection(): Promise<string> {
    return this.#channel.noConnection();
  }

  #isUp(): boolean {
    return this.#channel.isUp;
  }

  async #unary(request: TransportRequest, options: TransportCallOptions): Promise<TransportAnswer> {
    const answer = await this.#send(PATHS[request.kind], encodeRequest(request), options);
    if (!(answer instanceof Uint8Array)) return { kind: "failed", failure: answer };
    try {
      return { kind: "answered", result: decodeAnswer(request, answer) };
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const { code, message, leader, retryAfterMs, cause } = error;
      const failure = { code, message, leader, retryAfterMs, cause };
      return { kind: "failed", failure: { kind: "refused", ...failure } };
    }
  }

  /** Resolves to the bytes of the answer, or to why there is none. */
  #send(
    path: string,
    request: Uint8Array,
    { timeoutMs, signal }: TransportCallOptions,
  ): Promise<Buffer | TransportFailure> {
    this.#callsInFlight += 1;
    return new Promise((resolve) => {
      const onAbort = (): void => call.cancel();
      const deadline = Date.now() + timeoutMs;
      const metadata = metadataOf(this.#options.credentials?.token);
      const call = this.#channel.client.makeUnaryRequest(
        path,
        asBuffer,
        asIs,
        request,
        metadata,
        { deadline },
        (error, body) => {
          this.#callsInFlight -= 1;
          signal?.removeEventListener("abort", onAbort);
          if (error === null) {
            resolve(body as Buffer);
            return;
          }
          const failure = failureOfStatus(this.#address, error, request.length);
          const { message } = failure;
          resolve(signal?.aborted === true ? { kind: "aborted", message } : failure);
        },
      );
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #abortedBefore(): TransportAnswer {
    return failed("aborted", `${this.#address}: aborted before anything was sent`);
  }
}

function lacksToken(failure: TransportFailure): boolean {
  return failure.kind === "refused" && failure.code === "UNAUTHENTICATED";
}

const PATHS: Readonly<Record<TransportMethod, string>> = {
  write: pathOf(client.RaftClientService.method.handleClientWrite),
  read: pathOf(client.RaftClientService.method.handleClientRead),
  scan: pathOf(client.RaftClientService.method.handleClientScan),
  query: pathOf(kvService.KvService.method.query),
  metadata: pathOf(cluster.ClusterManagementService.method.getClusterMetadata),
};

function failed(kind: "unreachable" | "aborted", message: string): TransportAnswer {
  return { kind: "failed", failure: { kind, message } };
}
