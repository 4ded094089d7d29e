import type { SessionFailure } from "@d-engine/codec";
import type { TransportFailure } from "../client-transport.js";
import { engineCodeOfSessionNumber, leaderHintOf } from "../wire-errors.js";

/** What a node's failure of one operation means to the caller. */
export function failureOfResult(result: SessionFailure): TransportFailure {
  const { code: number, message, leaderId, leaderAddress, retryAfterMs } = result;
  const code = engineCodeOfSessionNumber(number);
  if (code === "OUTCOME_UNKNOWN") return { kind: "deadline", message };
  if (code === undefined) {
    // A number of a later version says nothing about what became of a write.
    return { kind: "refused", code: "OUTCOME_UNKNOWN", message: `error ${number}: ${message}` };
  }
  const leader = leaderHintOf(leaderId, leaderAddress);
  return { kind: "refused", code, message, leader, retryAfterMs };
}
