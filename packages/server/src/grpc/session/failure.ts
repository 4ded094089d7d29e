import { sessionNumberOf } from "@d-engine/client";
import type { SessionFailure } from "@d-engine/codec";
import { ENGINE_ERRORS, EngineError, isEngineError } from "@d-engine/core";

/**
 * The failure that a session answers with. The same rule as for `ClientResponse`: a write whose
 * outcome is unknown never travels under a number that reads as "nothing happened". What is no
 * `EngineError` is a bug of ours, of which a caller learns only that nothing can be concluded.
 */
export function failureOf(
  id: number,
  thrown: unknown,
  operation: "read" | "write",
): SessionFailure {
  const error = asAnswer(thrown, operation);
  const { leader, retryAfterMs } = error;
  return {
    kind: "failure",
    id,
    code: sessionNumberOf(error.code),
    message: error.message.replace(loneSurrogate, "\ufffd"),
    leaderId: leader?.leaderId ?? 0,
    leaderAddress: leader?.address ?? "",
    retryAfterMs: retryAfterMs === undefined ? undefined : Math.max(0, Math.ceil(retryAfterMs)),
  };
}

/** UTF-8 has no form for these. */
const loneSurrogate = /\p{Surrogate}/gu;

function asAnswer(thrown: unknown, operation: "read" | "write"): EngineError {
  if (!isEngineError(thrown)) {
    const code = operation === "write" ? "OUTCOME_UNKNOWN" : "CLUSTER_UNAVAILABLE";
    return new EngineError(code, "internal error; see the node's log");
  }
  const hidden = thrown.outcome === "unknown" && ENGINE_ERRORS[thrown.code].outcome === "rejected";
  if (operation === "read" || !hidden) return thrown;
  return new EngineError("OUTCOME_UNKNOWN", thrown.message, { cause: thrown });
}
