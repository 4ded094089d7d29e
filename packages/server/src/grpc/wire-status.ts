import {
  CODE_TRAILER,
  formatLeaderTrailer,
  LEADER_TRAILER,
  RETRY_AFTER_TRAILER,
  sessionNumberOf,
  WIRE_ERRORS,
} from "@d-engine/client";
import {
  type EngineError,
  type EngineErrorCode,
  isEngineError,
  type LeaderHint,
} from "@d-engine/core";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";

/** A status that no error code of the engine stands for. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: keyof typeof status;

  constructor(name: keyof typeof status, message: string) {
    super(message);
    this.status = name;
  }
}

/** Whether the error is an answer, and not a bug of ours. */
export function isAnswer(error: unknown): boolean {
  return isEngineError(error) || error instanceof StatusError;
}

/** How a thrown error ends a call. One that is no answer tells the caller nothing about us. */
export function serviceErrorOf(
  error: unknown,
  numberOf: NumberOf = contractNumberOf,
): ServiceError {
  if (error instanceof StatusError) {
    return serviceError(status[error.status], error.message, new Metadata());
  }
  if (!isEngineError(error)) {
    return serviceError(status.INTERNAL, "internal error; see the node's log", new Metadata());
  }
  return serviceError(
    status[WIRE_ERRORS[error.code].status],
    error.message,
    trailersOf(error, numberOf),
  );
}

/** The trailers of an answer to a call that another node should have been asked. */
export function leaderTrailers(leader: LeaderHint | undefined): Metadata {
  const trailers = new Metadata();
  if (leader !== undefined) trailers.set(LEADER_TRAILER, formatLeaderTrailer(leader));
  return trailers;
}

/** Codes as they stand on our own services: each has a number (rule R20). */
export const ownNumberOf: NumberOf = sessionNumberOf;

type NumberOf = (code: EngineErrorCode) => number | undefined;

/** What is unknown is told by its status alone, whoever reads it (rule R20). */
function contractNumberOf(code: EngineErrorCode): number | undefined {
  return code === "OUTCOME_UNKNOWN" ? undefined : sessionNumberOf(code);
}

function trailersOf(error: EngineError, numberOf: NumberOf): Metadata {
  const trailers = leaderTrailers(error.leader);
  const number = numberOf(error.code);
  if (number !== undefined) trailers.set(CODE_TRAILER, String(number));
  if (error.retryAfterMs !== undefined) {
    trailers.set(RETRY_AFTER_TRAILER, String(Math.ceil(error.retryAfterMs)));
  }
  return trailers;
}

function serviceError(code: status, details: string, metadata: Metadata): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata });
}
