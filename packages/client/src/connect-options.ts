import { EngineError } from "@d-engine/core";
import { type CredentialOptions, type Credentials, credentialsOf } from "./auth/credentials.js";
import { parseEndpoints } from "./endpoints.js";
import { type ClientTls, type TlsSource, tlsSourceOf } from "./tls/client-tls.js";

/** Who a client is, and its bounds; each may be left out. */
export interface ConnectOptions extends CredentialOptions {
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
  /**
   * Whether many operations share one stream to a node that can do that, instead of one call each;
   * what comes of them is the same.
   * @defaultValue true
   */
  readonly session?: boolean;
  /**
   * Milliseconds without a word from a node that owes answers in a session, after which they are
   * given up as lost. Longer than any pause of a node that should be survived.
   * @defaultValue 2000
   */
  readonly silenceTimeoutMs?: number;
  /**
   * Whether connections are encrypted, and whom they believe. `true` believes what this Node.js
   * trusts; a function is asked at each connection, so that it can give a certificate that was
   * renewed, as another object. A node that speaks plaintext is unreachable then, and the other way
   * round.
   * @defaultValue false
   */
  readonly tls?: boolean | ClientTls | (() => ClientTls) | undefined;
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
  readonly session: boolean;
  readonly silenceTimeoutMs: number;
  /** `undefined`: nobody. */
  readonly credentials: Credentials | undefined;
  /** `undefined`: plaintext. */
  readonly tls: TlsSource | undefined;
}

/** What holds where `ConnectOptions` says nothing. */
export const CONNECT_DEFAULTS = Object.freeze({
  timeoutMs: 5_000,
  readyTimeoutMs: 5_000,
  connectTimeoutMs: 500,
  callsInFlightMax: 10_000,
  answerBytesMax: 64 * 1024 * 1024,
  session: true,
  silenceTimeoutMs: 2_000,
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
  const given = Object.entries(options).filter(
    ([name, value]) => value !== undefined && Object.hasOwn(CONNECT_DEFAULTS, name),
  );
  const resolved: Omit<ResolvedConnectOptions, "endpoints" | "credentials" | "tls"> = {
    ...CONNECT_DEFAULTS,
    ...Object.fromEntries(given),
  };
  const problems: string[] = [];
  const check = (name: keyof typeof CONNECT_DEFAULTS, max: number): void => {
    const value = resolved[name];
    if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max) return;
    problems.push(`${name} must be an integer from 1 to ${max}, got ${value}`);
  };
  check("timeoutMs", delayMsMax);
  check("readyTimeoutMs", delayMsMax);
  check("connectTimeoutMs", delayMsMax);
  check("callsInFlightMax", 1_000_000);
  check("answerBytesMax", delayMsMax);
  check("silenceTimeoutMs", delayMsMax);
  if (typeof resolved.session !== "boolean") {
    problems.push(`session must be true or false, got ${resolved.session}`);
  }
  if (problems.length > 0) throw new EngineError("INVALID_REQUEST", problems.join("; "));
  const credentials = credentialsOf(options);
  const tls = tlsSourceOf(options.tls);
  return Object.freeze({ ...resolved, credentials, tls, endpoints: parseEndpoints(endpoints) });
}
