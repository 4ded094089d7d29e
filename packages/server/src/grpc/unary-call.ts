import { EngineError } from "@d-engine/core";
import type { handleUnaryCall, ServerUnaryCall, ServiceError } from "@grpc/grpc-js";
import type { Callers } from "../auth/callers.js";
import type { AnswerRoom } from "./answer-room.js";
import type { CallContext, UnaryHandler } from "./call-context.js";
import { isAnswer, leaderTrailers, serviceErrorOf } from "./wire-status.js";

/** Told of errors that are bugs of ours, before the caller gets INTERNAL. */
export type BugListener = (error: unknown, method: string) => void;

export interface UnarySetup {
  readonly onBug: BugListener;
  readonly callers: Callers;
  readonly room: AnswerRoom;
}

/** Runs a handler for the gRPC library: deadline and cancellation in, answer or status out. */
export function unaryCall(
  handler: UnaryHandler,
  { onBug, callers, room }: UnarySetup,
  errorOf: (error: unknown) => ServiceError = serviceErrorOf,
): handleUnaryCall<Buffer, Uint8Array> {
  return async (call, callback) => {
    const abort = new AbortController();
    const onCancel = (): void => abort.abort(callerGone());
    call.once("cancelled", onCancel);
    try {
      const answer = await handler(call.request, contextOf(call, callers, abort.signal));
      room.check(call.getPeer(), answer.body.length);
      if (answer.leader === undefined) callback(null, answer.body);
      else callback(null, answer.body, leaderTrailers(answer.leader));
    } catch (error) {
      if (!isAnswer(error)) onBug(error, call.getPath());
      callback(errorOf(error));
    } finally {
      // The library also calls every stream that has ended well "cancelled".
      call.off("cancelled", onCancel);
    }
  };
}

function contextOf(
  call: ServerUnaryCall<Buffer, Uint8Array>,
  callers: Callers,
  signal: AbortSignal,
): CallContext {
  const timeoutMs = timeLeft(call.getDeadline());
  const { metadata } = call;
  return { caller: callers.of(metadata), signal, timeoutMs, authority: call.getHost(), metadata };
}

function callerGone(): EngineError {
  return new EngineError("OUTCOME_UNKNOWN", "the caller canceled, or its deadline passed");
}

function timeLeft(deadline: Date | number): number | undefined {
  const left = Number(deadline) - Date.now();
  // At least 1: a deadline that has just passed ends the call by `cancelled`, not here.
  return Number.isFinite(left) ? Math.max(1, left) : undefined;
}
