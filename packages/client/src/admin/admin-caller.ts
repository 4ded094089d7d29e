import { type Clock, EngineError, isEngineError, type Random } from "@d-engine/core";
import type { Client, Metadata, ServiceError } from "@grpc/grpc-js";
import { metadataOf, type SendAuthenticate } from "../auth/credentials.js";
import { failureOfStatus } from "../call-failure.js";
import { Channel } from "../channel.js";
import type { TransportFailure } from "../client-transport.js";
import type { ResolvedConnectOptions } from "../connect-options.js";
import type { CallOptions } from "../engine-client.js";
import { asBuffer, asIs } from "../grpc-bytes.js";
import { pause } from "../internal/abortable.js";
import { LeaderCache, type Route } from "../leader-cache.js";
import { decideRetry, type OperationKind } from "../retry.js";
import { checkTimeout, errorOfFailure, finalError } from "../retrying-caller.js";

export interface AdminCall<T> {
  readonly operation: OperationKind;
  readonly route: Route;
  readonly path: string;
  readonly body: Uint8Array;
  /** Throws `EngineError` for an answer that is a refusal. */
  readonly decode: (body: Uint8Array) => T;
}

/** The rare calls of operators: the leader is found by hints, and what is safe is tried again. */
export class AdminCaller {
  readonly cache: LeaderCache;
  readonly #options: ResolvedConnectOptions;
  readonly #ports: { readonly clock: Clock; readonly random: Random };
  readonly #channels = new Map<string, Channel>();
  #closed = false;

  constructor(
    options: ResolvedConnectOptions,
    ports: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#options = options;
    this.#ports = ports;
    // Not at random: people name the node first that they mean.
    this.cache = new LeaderCache(options.endpoints, 0);
  }

  async run<T>(call: AdminCall<T>, options: CallOptions = {}): Promise<T> {
    const { clock, random } = this.#ports;
    const { signal } = options;
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#options.timeoutMs);
    const deadline = clock.nowMs() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const address = this.cache.pick(call.route);
      try {
        return await this.#attempt(call, address, deadline - clock.nowMs(), signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (!isEngineError(error)) throw error;
        this.learn(address, error);
        const remainingMs = deadline - clock.nowMs();
        const { operation } = call;
        const decision = decideRetry({
          operation,
          error,
          attempt,
          remainingMs,
          random: random.next(),
        });
        if (decision.kind === "giveUp") throw finalError(error, attempt, timeoutMs);
        await pause(clock, decision.delayMs, signal);
      }
    }
  }

  /** A channel that is up. Rejects with `CONNECTION_TIMEOUT` when none comes about. */
  async connected(address: string, timeoutMs: number): Promise<Client> {
    if (this.#closed) throw new EngineError("CLOSED", "the admin client is closed");
    const channel = this.#channels.get(address) ?? new Channel(address, this.#options);
    this.#channels.set(address, channel);
    const isUp = await channel.becomesUp(Math.min(timeoutMs, this.#options.connectTimeoutMs));
    if (isUp) return channel.client;
    throw new EngineError("CONNECTION_TIMEOUT", await channel.noConnection());
  }

  /** Whom to ask next, after what this node said. */
  learn(address: string, error: EngineError): void {
    if (error.code === "NOT_LEADER") this.cache.refused(address, error.leader);
    else this.cache.failed(address);
  }

  close(): void {
    this.#closed = true;
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }

  async #attempt<T>(
    call: AdminCall<T>,
    address: string,
    remainingMs: number,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const timeoutMs = Math.max(1, remainingMs);
    const client = await this.connected(address, timeoutMs);
    const { credentials } = this.#options;
    const used = credentials?.token;
    const send = (): Promise<Uint8Array | TransportFailure> =>
      unary(client, address, call, metadataOf(credentials?.token), timeoutMs, signal);
    let answer = await send();
    if (credentials !== undefined && lacksToken(answer)) {
      const renew = askFor(client, address, timeoutMs);
      const failure = await credentials.renew(used, answer, renew);
      answer = failure ?? (await send());
    }
    if (answer instanceof Uint8Array) return call.decode(answer);
    throw errorOfFailure(answer, call.operation);
  }

  /** What goes with a call that is not answered by one message, with a token if one is wanted. */
  async metadata(address: string, timeoutMs: number): Promise<Metadata> {
    const { credentials } = this.#options;
    if (credentials === undefined || credentials.token !== undefined) {
      return metadataOf(credentials?.token);
    }
    const client = await this.connected(address, timeoutMs);
    const nobody: TransportFailure = { kind: "aborted", message: "nobody is known" };
    const failure = await credentials.renew(undefined, nobody, askFor(client, address, timeoutMs));
    if (failure !== undefined && lacksToken(failure)) throw errorOfFailure(failure, "read");
    return credentials.metadata();
  }
}

/** Asks for a token over a channel that is up. */
function askFor(client: Client, address: string, timeoutMs: number): SendAuthenticate {
  return (path, body) =>
    unary(client, address, { path, body }, metadataOf(undefined), timeoutMs, undefined);
}

function lacksToken(answer: Uint8Array | TransportFailure): answer is TransportFailure {
  if (answer instanceof Uint8Array) return false;
  return answer.kind === "refused" && answer.code === "UNAUTHENTICATED";
}

function unary(
  client: Client,
  address: string,
  { path, body }: { readonly path: string; readonly body: Uint8Array },
  metadata: Metadata,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | TransportFailure> {
  return new Promise((resolve) => {
    const onAbort = (): void => call.cancel();
    const call = client.makeUnaryRequest(
      path,
      asBuffer,
      asIs,
      body,
      metadata,
      { deadline: Date.now() + timeoutMs },
      (error: ServiceError | null, answer) => {
        signal?.removeEventListener("abort", onAbort);
        resolve(error === null ? (answer as Uint8Array) : failureOfStatus(address, error));
      },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
