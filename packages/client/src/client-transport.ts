import type { EngineErrorCode, LeaderHint } from "@d-engine/core";

/** The calls a client makes; requests and answers are the encoded messages of the contract. */
export type TransportMethod = "write" | "read" | "scan" | "metadata";

/** Bounds of one attempt. */
export interface TransportCallOptions {
  /** Milliseconds from now after which the call ends with `deadline`. Greater than 0. */
  readonly timeoutMs: number;
  /** Ends the call with `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Why a call has no answer.
 * - `unreachable`: never left this process, so it had no effect.
 * - `lost`: the connection broke while it was under way; it may have been executed.
 * - `deadline`: its time was up; it may have been executed, or may be yet.
 * - `aborted`: the caller's signal; it may have been executed if it was sent.
 * - `refused`: the node answered with an error, and `code` says which.
 */
export type TransportFailure =
  | {
      readonly kind: "unreachable" | "lost" | "deadline" | "aborted";
      /** One line: which node, and what happened. */
      readonly message: string;
    }
  | {
      readonly kind: "refused";
      readonly message: string;
      readonly code: EngineErrorCode;
      readonly leader: LeaderHint | undefined;
      readonly retryAfterMs: number | undefined;
    };

/** How one attempt ended. */
export type TransportAnswer =
  | { readonly kind: "answered"; readonly body: Uint8Array }
  | { readonly kind: "failed"; readonly failure: TransportFailure };

/**
 * Carries single calls to nodes. The only thing that retry and routing know of the network, so
 * that they can be run against a simulated one (rule R21).
 */
export interface ClientTransport {
  /** Makes one attempt, at one node. Never rejects, never retries. */
  call(
    address: string,
    method: TransportMethod,
    request: Uint8Array,
    options: TransportCallOptions,
  ): Promise<TransportAnswer>;
  /**
   * Keeps connections to these addresses, opening what is missing, and drops the idle others.
   */
  retain(addresses: readonly string[]): void;
  /** Breaks what is open. Idempotent. */
  close(): Promise<void>;
}
