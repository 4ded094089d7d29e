import type { LeaderHint } from "@d-engine/core";
import type { Metadata } from "@grpc/grpc-js";
import type { Caller } from "../driver/caller.js";

/** What a handler may know of the call that it answers. */
export interface CallContext {
  /** Who makes it. */
  readonly caller: Caller;
  /** Aborts when the caller cancels, hangs up, or its deadline passes. */
  readonly signal: AbortSignal;
  /** Milliseconds until the caller's deadline; `undefined` when it set none. */
  readonly timeoutMs: number | undefined;
  /** `host:port` under which the caller reached this node; empty when it did not say. */
  readonly authority: string;
  /** What the call came with besides its request. */
  readonly metadata: Metadata;
}

export interface Answer {
  readonly body: Uint8Array;
  /** Sent as the trailer `x-raft-leader`. */
  readonly leader?: LeaderHint | undefined;
}

/**
 * Answers one call. An `EngineError` thrown becomes the gRPC status that `WIRE_ERRORS` names;
 * anything else is a bug of ours and becomes INTERNAL.
 */
export type UnaryHandler = (request: Uint8Array, context: CallContext) => Answer | Promise<Answer>;

/** The far end of a server stream. */
export interface StreamContext {
  /** Who opened it. */
  readonly caller: Caller;
  /** `host:port` under which the caller reached this node; empty when it did not say. */
  readonly authority: string;
  send(body: Uint8Array): void;
  /** Runs what an event brings; an error of it ends the stream as one of the handler would. */
  during(work: () => void): void;
}

/** A running stream. */
export interface OpenStream {
  /** Sends what has changed since the last message; called every now and then. */
  update?(): void;
  /** The stream has ended, whoever ended it. */
  closed?(): void;
}

/** Opens one stream, and sends its first message. Errors as with `UnaryHandler`. */
export type StreamHandler = (request: Uint8Array, context: StreamContext) => OpenStream;
