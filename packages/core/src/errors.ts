import type { NodeId } from "./ids.js";

/**
 * Stable names of everything that can go wrong, as callers match on them. The numbers of the wire
 * stand in `docs/errors.md` and in the codecs; each code has exactly one outcome class below.
 */
export const ENGINE_ERRORS = {
  /** This node does not lead; `leader` says who does, when known. */
  NOT_LEADER: { outcome: "rejected", retry: "at the leader" },
  /** Leadership moved before the request was taken in. */
  LEADER_CHANGED: { outcome: "rejected", retry: "at the leader" },
  /** No leader or no quorum is known. */
  CLUSTER_UNAVAILABLE: { outcome: "rejected", retry: "after a pause" },
  /** A bound of this node is reached; `retryAfterMs` says when to come back. */
  RATE_LIMITED: { outcome: "rejected", retry: "after retryAfterMs" },
  /** The request breaks a rule; the message names which, and the bound. */
  INVALID_REQUEST: { outcome: "rejected", retry: "never" },
  /** The node has no room for another log segment. */
  DISK_FULL: { outcome: "rejected", retry: "after a pause" },
  /** Stored bytes are not what was written; the message names file and offset. */
  DATA_CORRUPTION: { outcome: "rejected", retry: "never" },
  /** The disk failed; the node has stopped. */
  STORAGE_IO_ERROR: { outcome: "unknown", retry: "elsewhere, after reading" },
  /** The data directory or its parent cannot be written. */
  STORAGE_PERMISSION_DENIED: { outcome: "rejected", retry: "never" },
  /** The data directory is in use by another process. */
  DATA_DIR_LOCKED: { outcome: "rejected", retry: "after the other process ended" },
  /** Written by a newer version than this one. */
  VERSION_MISMATCH: { outcome: "rejected", retry: "never" },
  /** The other side answered something that cannot be read. */
  INVALID_RESPONSE: { outcome: "unknown", retry: "after reading" },
  /** No connection came about in time. */
  CONNECTION_TIMEOUT: { outcome: "rejected", retry: "after a pause" },
  /** An endpoint cannot be parsed. */
  INVALID_ADDRESS: { outcome: "rejected", retry: "never" },
  /** Sent, but the answer is missing: the write may or may not take effect. Read, then decide. */
  OUTCOME_UNKNOWN: { outcome: "unknown", retry: "after reading" },
  /** The entry was overwritten by a later leader and will never take effect. */
  PROPOSE_FAILED: { outcome: "rejected", retry: "at once" },
  /** The engine is closing or closed. */
  CLOSED: { outcome: "rejected", retry: "never" },
  /** Another change of the members is not finished yet; the message names it. */
  CHANGE_IN_PROGRESS: { outcome: "rejected", retry: "after a pause" },
  /** The members are not those that the caller has seen; the message names the version. */
  VERSION_CONFLICT: { outcome: "rejected", retry: "after reading the members" },
  /** The learner has not caught up, so that as a voter it would hold up every write. */
  LEARNER_NOT_READY: { outcome: "rejected", retry: "after a pause" },
  /** The change would leave no majority of voters that answer. */
  QUORUM_AT_RISK: { outcome: "rejected", retry: "after the voters are back" },
  /** This node was removed from its cluster, by a committed change; it has stopped. */
  NODE_REMOVED: { outcome: "rejected", retry: "elsewhere" },
  /** The revision is older than the oldest one kept; the message names that. */
  COMPACTED: { outcome: "rejected", retry: "never" },
  /** No such lease: never granted, revoked or expired. */
  LEASE_NOT_FOUND: { outcome: "rejected", retry: "never" },
  /** The lease id that was asked for is taken. */
  LEASE_EXISTS: { outcome: "rejected", retry: "never" },
  /** The session is unknown or over; of a write that was sent in it before, the result is lost. */
  SESSION_EXPIRED: { outcome: "rejected", retry: "in a new session" },
  /** The request names no user, or its password or token is not (any more) good. */
  UNAUTHENTICATED: { outcome: "rejected", retry: "after authenticating" },
  /** The user may not do this; the message names the right that is missing. */
  PERMISSION_DENIED: { outcome: "rejected", retry: "never" },
  /** The watcher was slower than the writers; watch again from the last revision received. */
  WATCH_BUFFER_OVERFLOW: { outcome: "rejected", retry: "at once" },
  /** A lock, permit or leadership is over, or may be: what it protects may be another's. */
  LOCK_LOST: { outcome: "rejected", retry: "after acquiring it again" },
  /** What was waited for did not come within the time given; nothing is left behind. */
  WAIT_TIMEOUT: { outcome: "rejected", retry: "at once" },
  /** Not a part of this version. */
  UNIMPLEMENTED: { outcome: "rejected", retry: "never" },
} as const satisfies Record<string, { outcome: Outcome; retry: string }>;

/** One of the codes above. */
export type EngineErrorCode = keyof typeof ENGINE_ERRORS;

/** `rejected`: no effect, now or later. `unknown`: the write may still take effect. */
export type Outcome = "rejected" | "unknown";

/** Where the leader is, as far as the refusing node knows. */
export interface LeaderHint {
  readonly leaderId: NodeId;
  /** `host:port`, dialable by clients; empty when only the id is known. */
  readonly address: string;
}

export interface EngineErrorOptions {
  readonly cause?: unknown;
  readonly leader?: LeaderHint | undefined;
  readonly retryAfterMs?: number | undefined;
  /** With `COMPACTED`: the oldest revision that is left. */
  readonly oldestRevision?: number | undefined;
  /** Overrides the class of the code, where a caller knows more (an aborted read, say). */
  readonly outcome?: Outcome;
}

/**
 * The one error class of the public API: match on `code`, decide on `outcome`.
 *
 * @example
 * try { await client.put("k", "v"); }
 * catch (error) {
 *   if (isEngineError(error) && error.outcome === "unknown") await readBeforeRetry();
 *   else throw error;
 * }
 */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  readonly outcome: Outcome;
  readonly leader: LeaderHint | undefined;
  readonly retryAfterMs: number | undefined;
  readonly oldestRevision: number | undefined;

  constructor(code: EngineErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.outcome = options.outcome ?? ENGINE_ERRORS[code].outcome;
    this.leader = options.leader;
    this.retryAfterMs = options.retryAfterMs;
    this.oldestRevision = options.oldestRevision;
  }
}

/** Works across copies of the package, which `instanceof` does not. */
export function isEngineError(error: unknown, code?: EngineErrorCode): error is EngineError {
  if (!(error instanceof Error) || error.name !== "EngineError" || !("code" in error)) return false;
  return code === undefined || error.code === code;
}
