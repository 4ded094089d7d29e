import type { EngineErrorCode } from "@d-engine/core";
import { type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { TransportFailure } from "./client-transport.js";
import {
  CODE_TRAILER,
  engineCodeOfSessionNumber,
  LEADER_TRAILER,
  parseLeaderTrailer,
  RETRY_AFTER_TRAILER,
} from "./wire-errors.js";

/**
 * Statuses that say by themselves that nothing was executed. All others, UNAVAILABLE and INTERNAL
 * above all, are also what a connection that breaks under way looks like.
 */
const REFUSALS: ReadonlyMap<status, EngineErrorCode> = new Map([
  [status.INVALID_ARGUMENT, "INVALID_REQUEST"],
  [status.FAILED_PRECONDITION, "NOT_LEADER"],
  [status.PERMISSION_DENIED, "CLUSTER_UNAVAILABLE"],
  [status.UNAUTHENTICATED, "INVALID_REQUEST"],
  [status.UNIMPLEMENTED, "UNIMPLEMENTED"],
]);

/**
 * What a call's error status, and the trailers that came with it, say about its outcome.
 * `requestBytes`: of a call with one request, so that its being too large can be told from an answer
 * that is, which comes after the deed.
 */
export function failureOfStatus(
  address: string,
  error: ServiceError,
  requestBytes?: number,
): TransportFailure {
  const message = `${address}: ${status[error.code]}: ${error.details}`;
  // Ours and the peer's deadline alike; the peer sends it for every write it cannot vouch for.
  if (error.code === status.DEADLINE_EXCEEDED) return { kind: "deadline", message };
  const code =
    engineCodeOfSessionNumber(numberOf(error.metadata, CODE_TRAILER)) ?? REFUSALS.get(error.code);
  if (code === undefined) {
    const tooLarge = tooLargeOf(error, requestBytes);
    if (tooLarge === undefined) return { kind: "lost", message };
    return { kind: "refused", code: "INVALID_REQUEST", message: `${message}; ${tooLarge}` };
  }
  const retryAfterMs = numberOf(error.metadata, RETRY_AFTER_TRAILER);
  return {
    kind: "refused",
    message,
    code,
    leader: parseLeaderTrailer(textOf(error.metadata, LEADER_TRAILER)),
    retryAfterMs: Number.isFinite(retryAfterMs) ? retryAfterMs : undefined,
  };
}

/**
 * Where a node is out of room it says so by code; without one a message was too large, or the
 * connection was broken off for taking too much, by which nothing is known of the call.
 */
function tooLargeOf({ code, details }: ServiceError, requestBytes?: number): string | undefined {
  if (code !== status.RESOURCE_EXHAUSTED) return undefined;
  const found = TOO_LARGE.exec(details);
  if (found === null) return undefined;
  if (requestBytes !== undefined && Number(found[1]) !== requestBytes) return undefined;
  return "ask for less at once, or raise requestBytesMax on all members";
}

/** As the libraries of gRPC for Node.js, and for Rust, say it. */
const TOO_LARGE = /(?:larger than max \(|length too large: found )(\d+)/;

function numberOf(trailers: Metadata | undefined, name: string): number {
  const text = textOf(trailers, name);
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

function textOf(trailers: Metadata | undefined, name: string): string {
  return trailers?.get(name)[0]?.toString() ?? "";
}
