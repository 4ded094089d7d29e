import type { CallOptions } from "../engine-client.js";

/** Options of `openSession`; `timeoutMs` and `signal` are those of the opening. */
export interface SessionOptions extends CallOptions {
  /**
   * Milliseconds without a sign of life of this process after which the cluster forgets the session.
   * A write waits for its answer that long where it states no time of its own. Too short: a pause of
   * the process ends it; too long: what a dead process held lives on.
   * @defaultValue 30000
   */
  readonly ttlMs?: number;
}

/** What holds where `SessionOptions` says nothing. */
export const SESSION_DEFAULTS = Object.freeze({ ttlMs: 30_000 });
