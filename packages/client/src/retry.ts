import type { EngineError, EngineErrorCode } from "@d-engine/core";

/** A read may be repeated whenever; a write only when the last attempt surely had no effect. */
export type OperationKind = "read" | "write";

export interface FailedAttempt {
  readonly operation: OperationKind;
  readonly error: EngineError;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Milliseconds until the caller's deadline. */
  readonly remainingMs: number;
  /** Uniform in [0, 1). */
  readonly random: number;
}

export type RetryDecision =
  | { readonly kind: "giveUp" }
  | { readonly kind: "retry"; readonly delayMs: number };

/** Pauses double from the first to the last; each is drawn from its upper half. */
export const RETRY_PAUSE_FIRST_MS = 20;
export const RETRY_PAUSE_MAX_MS = 500;

/** After which errors another attempt may go better, and whether to pause before it. */
const RETRYABLE: Readonly<Record<EngineErrorCode, "redirect" | "pause" | "readsOnly" | "never">> = {
  NOT_LEADER: "redirect",
  LEADER_CHANGED: "pause",
  CLUSTER_UNAVAILABLE: "pause",
  RATE_LIMITED: "pause",
  PROPOSE_FAILED: "pause",
  CONNECTION_TIMEOUT: "pause",
  STORAGE_IO_ERROR: "readsOnly",
  OUTCOME_UNKNOWN: "readsOnly",
  INVALID_REQUEST: "never",
  // Heals only when somebody makes room, which takes longer than a caller waits.
  DISK_FULL: "never",
  DATA_CORRUPTION: "never",
  STORAGE_PERMISSION_DENIED: "never",
  DATA_DIR_LOCKED: "never",
  VERSION_MISMATCH: "never",
  INVALID_RESPONSE: "never",
  INVALID_ADDRESS: "never",
  CLOSED: "never",
  CHANGE_IN_PROGRESS: "never",
  VERSION_CONFLICT: "never",
  LEARNER_NOT_READY: "never",
  QUORUM_AT_RISK: "never",
  NODE_REMOVED: "never",
  COMPACTED: "never",
  LEASE_NOT_FOUND: "never",
  LEASE_EXISTS: "never",
  SESSION_EXPIRED: "never",
  // The transport has authenticated anew and tried again before this gets here.
  UNAUTHENTICATED: "never",
  PERMISSION_DENIED: "never",
  // Ends a watch, which resumes by itself; no call is answered with it.
  WATCH_BUFFER_OVERFLOW: "never",
  // Of the recipes: no node answers with them.
  LOCK_LOST: "never",
  WAIT_TIMEOUT: "never",
  UNIMPLEMENTED: "never",
};

/** Whether another attempt, of what may be repeated, may go better after this error. */
export function retriesAfter(code: EngineErrorCode): boolean {
  return (RETRYABLE[code] ?? "never") !== "never";
}

/**
 * Whether to try once more, and after how long. A write whose outcome is unknown is never tried
 * again: it might be executed twice (C2). No attempt starts that could not end before the
 * deadline.
 */
export function decideRetry(failed: FailedAttempt): RetryDecision {
  const { error, operation } = failed;
  const class_ = RETRYABLE[error.code] ?? "never";
  if (class_ === "never") return giveUp;
  if (operation === "write" && (class_ === "readsOnly" || error.outcome === "unknown")) {
    return giveUp;
  }
  const delayMs = pauseMs(failed, class_ === "redirect");
  return delayMs < failed.remainingMs ? { kind: "retry", delayMs } : giveUp;
}

const giveUp: RetryDecision = Object.freeze({ kind: "giveUp" });

function pauseMs({ error, attempt, random }: FailedAttempt, redirect: boolean): number {
  // The first hint is followed at once. Later ones wait: two nodes that each take the other for
  // the leader would otherwise be asked in turn as fast as the network allows.
  if (redirect && attempt === 1 && error.leader !== undefined && error.leader.address !== "") {
    return 0;
  }
  const doublings = Math.min(attempt - 1, 16);
  const ceiling = Math.min(RETRY_PAUSE_MAX_MS, RETRY_PAUSE_FIRST_MS * 2 ** doublings);
  // Spread too: callers that were refused together must not all come back together.
  const askedMs = (error.retryAfterMs ?? 0) * (1 + random / 2);
  return Math.max(askedMs, ceiling / 2 + (ceiling / 2) * random);
}
