import { WIRE_ERRORS } from "@d-engine/client";
import { ENGINE_ERRORS, EngineError, isEngineError } from "@d-engine/core";
import { client, create, toBinary, error as wire } from "@d-engine/proto";
import type { Answer } from "./call-context.js";

/** An answered `ClientResponse`: error 0 and a result, which is never left out. */
export function successAnswer(result: client.ClientResponse["successResult"]): Answer {
  const response = create(client.ClientResponseSchema, {
    error: wire.ErrorCode.SUCCESS,
    successResult: result,
  });
  return { body: toBinary(client.ClientResponseSchema, response) };
}

/**
 * The `ClientResponse` for an error. Rethrows what must travel as a gRPC status: bugs, codes that
 * the contract has no number for, and writes of unknown outcome whose code would read as
 * "nothing happened".
 */
export function errorAnswer(thrown: unknown, operation: "read" | "write"): Answer {
  if (!isEngineError(thrown)) throw thrown;
  if (operation === "write" && thrown.outcome === "unknown" && !codeSaysUnknown(thrown)) {
    throw new EngineError("OUTCOME_UNKNOWN", thrown.message, { cause: thrown });
  }
  const { number } = WIRE_ERRORS[thrown.code];
  if (number === undefined) throw thrown;
  const { leader, retryAfterMs } = thrown;
  const metadata = create(wire.ErrorMetadataSchema, {
    debugMessage: thrown.message,
    ...(leader === undefined ? {} : { leaderId: String(leader.leaderId) }),
    ...(leader === undefined || leader.address === "" ? {} : { leaderAddress: leader.address }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: BigInt(Math.ceil(retryAfterMs)) }),
  });
  const response = create(client.ClientResponseSchema, { error: number, metadata });
  return { body: toBinary(client.ClientResponseSchema, response), leader };
}

/** Whether the reader of this code takes the outcome for unknown without being told. */
function codeSaysUnknown(error: EngineError): boolean {
  return ENGINE_ERRORS[error.code].outcome === "unknown";
}
