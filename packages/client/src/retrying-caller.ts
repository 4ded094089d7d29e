import { assertNever, type Clock, EngineError, type Random } from "@d-engine/core";
import type {
  ClientTransport,
  TransportAnswer,
  TransportFailure,
  TransportMethod,
  TransportRequestOf,
  TransportResults,
} from "./client-transport.js";
import type { CallOptions } from "./engine-client.js";
import { abortable, pause } from "./internal/abortable.js";
import type { LeaderCache, Route } from "./leader-cache.js";
import { LeaderSearch } from "./leader-search.js";
import { decideRetry, type OperationKind } from "./retry.js";

/** One operation, whatever it takes to carry it out. */
export interface Operation<Method extends TransportMethod> {
  readonly kind: OperationKind;
  readonly route: Route;
  readonly request: TransportRequestOf<Method>;
}

export interface RetryingCallerOptions {
  readonly transport: ClientTransport;
  readonly cache: LeaderCache;
  readonly clock: Clock;
  readonly random: Random;
  /** For calls that state none, in milliseconds. */
  readonly timeoutMs: number;
  /** Calls beyond this are refused with `RATE_LIMITED`. */
  readonly callsInFlightMax: number;
}

/**
 * Carries operations out: finds the node to ask, follows leader hints, tries again where that is
 * safe, all within the caller's deadline. Knows the network only as a `ClientTransport`.
 */
export class RetryingCaller {
  readonly #options: RetryingCallerOptions;
  readonly #leaderSearch: LeaderSearch;
  #callsInFlight = 0;
  #closing = false;
  #idleListeners: (() => void)[] = [];

  constructor(options: RetryingCallerOptions) {
    this.#options = options;
    this.#leaderSearch = new LeaderSearch(options.clock);
  }

  async run<Method extends TransportMethod>(
    operation: Operation<Method>,
    options: CallOptions = {},
  ): Promise<TransportResults[Method]> {
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.#options.timeoutMs);
    options.signal?.throwIfAborted();
    this.#enter();
    try {
      return await this.#attempts(operation, timeoutMs, options.signal);
    } finally {
      this.#leave();
    }
  }

  /** Refuses new calls with `CLOSED`; resolves when those in flight have ended. */
  drain(): Promise<void> {
    this.#closing = true;
    if (this.#callsInFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleListeners.push(resolve));
  }

  #enter(): void {
    if (this.#closing) throw new EngineError("CLOSED", "the client is closed");
    const { callsInFlightMax } = this.#options;
    if (this.#callsInFlight >= callsInFlightMax) {
      throw new EngineError(
        "RATE_LIMITED",
        `${callsInFlightMax} calls are in flight in this client (callsInFlightMax); await some`,
      );
    }
    this.#callsInFlight += 1;
  }

  #leave(): void {
    this.#callsInFlight -= 1;
    if (this.#callsInFlight > 0) return;
    for (const listener of this.#idleListeners.splice(0)) listener();
  }

  async #attempts<Method extends TransportMethod>(
    operation: Operation<Method>,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<TransportResults[Method]> {
    const { cache, clock, random } = this.#options;
    const deadline = clock.nowMs() + timeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      const address = cache.pick(operation.route);
      const answer = await this.#attempt(operation, address, deadline - clock.nowMs(), signal);
      if (answer.kind === "answered") {
        if (operation.route === "leader") this.#leaderSearch.found();
        return answer.result;
      }
      const error = errorOfFailure(answer.failure, operation.kind);
      this.#learn(address, error);
      const decision = decideRetry({
        operation: operation.kind,
        error,
        attempt,
        remainingMs: deadline - clock.nowMs(),
        random: random.next(),
      });
      if (decision.kind === "giveUp") throw finalError(error, attempt, timeoutMs);
      // An overload is waited out; every other pause ends when it is known who serves.
      if (error.code === "RATE_LIMITED") await pause(clock, decision.delayMs, signal);
      else if (decision.delayMs > 0) await this.#leaderSearch.wait(decision.delayMs, signal);
    }
  }

  #attempt<Method extends TransportMethod>(
    operation: Operation<Method>,
    address: string,
    remainingMs: number,
    signal: AbortSignal | undefined,
  ): Promise<TransportAnswer<Method>> {
    // A read that one node leaves unanswered can still be answered by another, so it keeps half
    // of its time for that. A write cannot be sent twice and waits for all of it.
    const spare = operation.kind === "read" && this.#options.cache.addresses.length > 1;
    const timeoutMs = Math.max(1, spare ? remainingMs / 2 : remainingMs);
    const { transport } = this.#options;
    const call = transport.call<Method>(address, operation.request, { timeoutMs, signal });
    return abortable(call, signal);
  }

  #learn(address: string, error: EngineError): void {
    switch (error.code) {
      case "NOT_LEADER":
        this.#options.cache.refused(address, error.leader);
        break;
      case "LEADER_CHANGED":
      case "CLUSTER_UNAVAILABLE":
      case "CONNECTION_TIMEOUT":
      case "OUTCOME_UNKNOWN":
      case "STORAGE_IO_ERROR":
        this.#options.cache.failed(address);
        break;
      default: // Says something about the request, nothing about the node.
    }
  }
}

/** What a call without an answer means to the caller. */
export function errorOfFailure(failure: TransportFailure, operation: OperationKind): EngineError {
  const { message } = failure;
  switch (failure.kind) {
    case "unreachable":
      return new EngineError("CONNECTION_TIMEOUT", message);
    case "lost":
    case "deadline":
    case "aborted":
      if (operation === "read") return new EngineError("CLUSTER_UNAVAILABLE", message);
      return new EngineError(
        "OUTCOME_UNKNOWN",
        `${message}; the write was sent and may or may not take effect`,
      );
    case "refused": {
      const { code, leader, retryAfterMs } = failure;
      return new EngineError(code, message, {
        leader,
        retryAfterMs,
        ...("cause" in failure ? { cause: failure.cause } : {}),
        // A read changes nothing, whatever it failed of.
        ...(operation === "read" ? { outcome: "rejected" } : {}),
      });
    }
    default:
      return assertNever(failure);
  }
}

export function finalError(error: EngineError, attempts: number, timeoutMs: number): EngineError {
  if (attempts === 1) return error;
  return new EngineError(
    error.code,
    `${error.message} (attempt ${attempts}, within ${timeoutMs} ms)`,
    {
      cause: error,
      leader: error.leader,
      retryAfterMs: error.retryAfterMs,
      outcome: error.outcome,
    },
  );
}

/** The largest delay that timers take. */
const timeoutMsMax = 2 ** 31 - 1;

export function checkTimeout(timeoutMs: number): number {
  if (timeoutMs > 0 && timeoutMs <= timeoutMsMax) return timeoutMs;
  throw new EngineError(
    "INVALID_REQUEST",
    `timeoutMs must lie above 0 and at most ${timeoutMsMax}, got ${timeoutMs}`,
  );
}
