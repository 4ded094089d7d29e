/**
 * The messages of `d_engine.session.v1`: many operations in one request, many results in one
 * answer. Consistency levels and error codes are the numbers of the contract, left as they are.
 */
export interface SessionRequest {
  readonly operations: readonly SessionOperation[];
  /** Wants a `pong` of the same number. */
  readonly ping?: number | undefined;
}

/** What a client asks for; `Decoded` is what a node reads, `none` being a kind of a later version. */
export type SessionOperation =
  | SessionWrite
  | SessionRead
  | SessionScan
  | SessionQuery
  | SessionCancel;
export type DecodedSessionOperation = SessionOperation | SessionUnknown;

interface Identified {
  /** From 1 up, unlike that of every other unanswered operation of the stream. */
  readonly id: number;
  /** Milliseconds, below 2^32; 0 leaves it to the node. */
  readonly timeoutMs: number;
}

export interface SessionWrite extends Identified {
  readonly kind: "write";
  /** An encoded `WriteCommand`. */
  readonly command: Uint8Array;
}

export interface SessionRead extends Identified {
  readonly kind: "read";
  readonly keys: readonly Uint8Array[];
  readonly policy: number | undefined;
}

export interface SessionScan extends Identified {
  readonly kind: "scan";
  readonly prefix: Uint8Array;
  readonly policy: number | undefined;
}

export interface SessionQuery extends Identified {
  readonly kind: "query";
  /** An encoded `d_engine.kv.v1.Query`. */
  readonly query: Uint8Array;
  readonly policy: number | undefined;
}

export interface SessionCancel {
  readonly kind: "cancel";
  /** The operation that is no longer wanted. */
  readonly target: number;
}

export interface SessionUnknown extends Identified {
  readonly kind: "none";
}

export interface SessionResponse {
  readonly hello?: SessionHello | undefined;
  readonly window?: SessionWindow | undefined;
  readonly results: readonly SessionResult[];
  readonly pong?: number | undefined;
  readonly draining?: boolean | undefined;
}

export interface SessionHello {
  /** 0 when the node did not say. */
  readonly nodeId: number;
}

export interface SessionWindow {
  readonly operationsMax: number;
  /** Of `sessionOperationSize`, summed over what is unanswered. */
  readonly operationBytesMax: number;
  /** Of one `SessionRequest`. */
  readonly messageBytesMax: number;
}

/** How one operation ended; `more` says that another part of it follows. */
export type SessionResult =
  | SessionWriteResult
  | SessionReadResult
  | SessionScanResult
  | SessionQueryResult
  | SessionFailure;
export type DecodedSessionResult = SessionResult | { readonly kind: "none"; readonly id: number };

export interface SessionWriteResult {
  readonly kind: "write";
  readonly id: number;
  readonly succeeded: boolean;
  readonly revision: number;
  readonly existed: boolean;
  /** An encoded `d_engine.kv.v1.CommandResult`; `undefined` for the contract's own writes. */
  readonly detail?: Uint8Array | undefined;
}

export interface SessionQueryResult {
  readonly kind: "query";
  readonly id: number;
  /** An encoded `d_engine.kv.v1.QueryResult`, whole. */
  readonly answer: Uint8Array;
}

export interface SessionReadResult {
  readonly kind: "read";
  readonly id: number;
  readonly more: boolean;
  readonly values: readonly (Uint8Array | undefined)[];
}

export interface SessionScanResult {
  readonly kind: "scan";
  readonly id: number;
  readonly more: boolean;
  readonly entries: readonly SessionScanEntry[];
  readonly revision: number;
}

export interface SessionScanEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface SessionFailure {
  readonly kind: "failure";
  readonly id: number;
  /** Of the contract, or from 10000 up of the session service (rule R20). */
  readonly code: number;
  readonly message: string;
  /** 0 when the node knows no leader. */
  readonly leaderId: number;
  readonly leaderAddress: string;
  readonly retryAfterMs: number | undefined;
}
