import { EngineError } from "@d-engine/core";
import { parseEndpoints } from "./endpoints.js";

/** Bounds of a client; each may be left out. */
export interface ConnectOptions {
  /**
   * Milliseconds that a call may take when it states no time of its own.
   * @defaultValue 5000
   */
  readonly timeoutMs?: number;
  /**
   * Milliseconds that `connect` and `refresh` wait for a leader that can serve.
   * @defaultValue 5000
   */
  readonly readyTimeoutMs?: number;
  /**
   * Milliseconds that one connection may take to come about.
   * @defaultValue 500
   */
  readonly connectTimeoutMs?: number;
  /**
   * Calls under way at the same time; more are refused with `RATE_LIMITED`.
   * @defaultValue 10000
   */
  readonly callsInFlightMax?: number;
  /**
   * Bytes of the largest answer that is read; a scan is the one that may need more.
   * @defaultValue 67108864
   */
  readonly answerBytesMax?: number;
  /** Aborts the connecting, not the client that came of it. */
  readonly signal?: AbortSignal;
}

export interface ResolvedConnectOptions {
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly readyTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly callsInFlightMax: number;
  readonly answerBytesMax: number;
}

/** What holds where `ConnectOptions` says nothing. */
export const CONNECT_DEFAULTS = Object.freeze({
  timeoutMs: 5_000,
  readyTimeoutMs: 5_000,
  connectTimeoutMs: 500,
  callsInFlightMax: 10_000,
  answerBytesMax: 64 * 1024 * 1024,
});

const delayMsMax = 2 ** 31 - 1;

/**
 * Fills in what is not given. Throws `INVALID_ADDRESS` for an endpoint that cannot be read, and
 * one `INVALID_REQUEST` that names every other bad field.
 */
export function resolveConnectOptions(
  endpoints: readonly string[],
  options: ConnectOptions = {},
): ResolvedConnectOptions {
  const { timeoutMs, readyTimeoutMs, connectTimeoutMs, callsInFlightMax, answerBytesMax } = {
    ...CONNECT_DEFAULTS,
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  };
  const problems: string[] = [];
  const check = (name: string, value: number, max: number): void => {
    if (Number.isInteger(value) && value >= 1 && value <= max) return;
    problems.push(`${name} must be an integer from 1 to ${max}, got ${value}`);
  };
  check("timeoutMs", timeoutMs, delayMsMax);
  check("readyTimeoutMs", readyTimeoutMs, delayMsMax);
  check("connectTimeoutMs", connectTimeoutMs, delayMsMax);
  check("callsInFlightMax", callsInFlightMax, 1_000_000);
  check("answerBytesMax", answerBytesMax, delayMsMax);
  if (problems.length > 0) throw new EngineError("INVALID_REQUEST", problems.join("; "));
  return Object.freeze({
    endpoints: parseEndpoints(endpoints),
    timeoutMs,
    readyTimeoutMs,
    connectTimeoutMs,
    callsInFlightMax,
    answerBytesMax,
  });
}
