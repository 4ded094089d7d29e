import type { KvQueryResult } from "@d-engine/codec";
import type { EngineErrorCode, LeaderHint } from "@d-engine/core";
import type { Consistency, MembershipSnapshot, ScanResult } from "./engine-client.js";
import type { WatchInput, WatchOutput } from "./watch/watch-wire.js";
import type { ClusterView } from "./wire-messages.js";

/** What a node is asked. Bytes in it are not changed while the call is under way. */
export type TransportRequest =
  | {
      readonly kind: "write";
      /** An encoded `d_engine.client.WriteCommand`. */
      readonly command: Uint8Array;
    }
  | {
      readonly kind: "read";
      readonly keys: readonly Uint8Array[];
      /** `undefined` leaves the level to the node. */
      readonly consistency: Consistency | undefined;
    }
  | {
      readonly kind: "scan";
      readonly prefix: Uint8Array;
      readonly consistency: Consistency | undefined;
    }
  | {
      readonly kind: "query";
      /** An encoded `d_engine.kv.v1.Query`. */
      readonly query: Uint8Array;
      readonly consistency: Consistency | undefined;
    }
  | { readonly kind: "metadata" };

/** The kinds of calls that a client makes. */
export type TransportMethod = TransportRequest["kind"];

/** The request of one kind. */
export type TransportRequestOf<Method extends TransportMethod> = Extract<
  TransportRequest,
  { readonly kind: Method }
>;

/** What a write did. */
export interface WriteAnswer {
  readonly succeeded: boolean;
  /** The store revision after it. */
  readonly revision: number;
  /** Whether the key existed before. */
  readonly existed: boolean;
  /** An encoded `d_engine.kv.v1.CommandResult`, of a command that has one. */
  readonly detail?: Uint8Array | undefined;
}

/** What each kind of call is answered with; bytes in it belong to the caller. */
export interface TransportResults {
  readonly write: WriteAnswer;
  /** In the order of the keys; `undefined` where there is none. */
  readonly read: readonly (Uint8Array | undefined)[];
  readonly scan: ScanResult;
  /** Bytes in it are views of the answer. */
  readonly query: KvQueryResult;
  readonly metadata: ClusterView;
}

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
 * - `refused`: the node answered with an error, or with what is no answer, and `code` says which.
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
      readonly leader?: LeaderHint | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    };

/** How one attempt ended. */
export type TransportAnswer<Method extends TransportMethod = TransportMethod> =
  | { readonly kind: "answered"; readonly result: TransportResults[Method] }
  | { readonly kind: "failed"; readonly failure: TransportFailure };

/** What a node is asked to tell of, from now on. */
export type TransportStreamRequest =
  | { readonly kind: "watchMembership" }
  /** Many watches, as what is sent in the stream says. */
  | { readonly kind: "watch" };

/** The kinds of streams that a client opens. */
export type TransportStreamKind = TransportStreamRequest["kind"];

/** The request of one kind. */
export type TransportStreamRequestOf<Kind extends TransportStreamKind> = Extract<
  TransportStreamRequest,
  { readonly kind: Kind }
>;

/** What each kind of stream brings. */
export interface TransportStreamMessages {
  readonly watchMembership: MembershipSnapshot;
  readonly watch: WatchOutput;
}

/** What is sent in each kind of stream, once it is open. */
export interface TransportStreamInputs {
  readonly watchMembership: never;
  readonly watch: WatchInput;
}

/** Bounds of one stream. */
export interface TransportStreamOptions {
  /** Milliseconds from now until the first message, beyond which the stream fails with `deadline`. */
  readonly timeoutMs: number;
  /** Fails the stream with `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** What comes next of a stream. */
export type TransportStreamEvent<Message> =
  | { readonly kind: "received"; readonly message: Message }
  | { readonly kind: "failed"; readonly failure: TransportFailure };

/**
 * One stream of messages from one node, in order, none left out. What was not taken yet is bounded:
 * beyond that the node is not read from.
 */
export interface TransportStream<Message, Input = never> {
  /**
   * Sends this, in order, as soon as the stream is there; nothing after its end. Whoever sends
   * bounds how much that is.
   */
  send(input: Input): void;
  /**
   * Waits for the next message, or for how the stream ended: a proper end is `lost` too, as more was
   * expected. After the end it says the same again. Never rejects; one is awaited at a time.
   */
  next(): Promise<TransportStreamEvent<Message>>;
  /** Breaks the stream: it has failed with `aborted`. Idempotent. */
  cancel(): void;
}

/**
 * Carries calls and streams to nodes. The only thing that retry and routing know of the network, so
 * that they can be run against a simulated one (rule R21).
 */
export interface ClientTransport {
  /** Makes one attempt, at one node. Never rejects, never retries. */
  call<Method extends TransportMethod>(
    address: string,
    request: TransportRequestOf<Method>,
    options: TransportCallOptions,
  ): Promise<TransportAnswer<Method>>;
  /** Opens a stream from one node. Never throws: what goes wrong is what the stream ends with. */
  open<Kind extends TransportStreamKind>(
    address: string,
    request: TransportStreamRequestOf<Kind>,
    options: TransportStreamOptions,
  ): TransportStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>;
  /**
   * Keeps connections to these addresses, opening what is missing, and drops the idle others.
   */
  retain(addresses: readonly string[]): void;
  /** Breaks what is open. Idempotent. */
  close(): Promise<void>;
}
