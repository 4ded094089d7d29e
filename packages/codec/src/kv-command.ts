/**
 * The commands, results and queries of `d_engine.kv.v1`, as plain values: what the key-value store
 * can do beyond the contract's three writes. Byte arrays that were decoded are views of the message.
 */

/** Keys from `key` up to, without, `rangeEnd`; `undefined`: the key alone; empty: to the last. */
export interface KeySpan {
  readonly key: Uint8Array;
  readonly rangeEnd: Uint8Array | undefined;
}

/** What `WriteCommand.kv_command` holds. */
export type KvCommand =
  | TxnCommand
  | LeasePutCommand
  | DeleteRangeCommand
  | LeaseGrantCommand
  | LeaseKeepAliveCommand
  | LeaseRevokeCommand
  | CompactCommand
  | ExpireCommand
  | TimeCommand
  | AuthCommand;

/** If all compares hold, `success`, otherwise `failure`; one revision for all changes. */
export interface TxnCommand {
  readonly kind: "txn";
  readonly compares: readonly Compare[];
  readonly success: readonly TxnOperation[];
  readonly failure: readonly TxnOperation[];
}

export type CompareTarget = "version" | "createRevision" | "modRevision" | "value" | "lease";
export type CompareResult = "equal" | "greater" | "less" | "notEqual";

/** Holds when every key of the span is so; of a key that does not exist every number is 0. */
export interface Compare extends KeySpan {
  readonly target: CompareTarget;
  readonly result: CompareResult;
  /** For every target but `value`. */
  readonly number: number;
  /** For the target `value`, which no key without a value fulfils. */
  readonly value: Uint8Array;
}

export type TxnOperation = LeasePutCommand | DeleteRangeCommand | RangeQuery | TxnCommand;

/** A put that may be bound to a lease, or have a time to live of its own. */
export interface LeasePutCommand {
  readonly kind: "leasePut";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** 0: none. */
  readonly lease: number;
  /** 0: for ever. Not together with `lease`. */
  readonly ttlMs: number;
}

export interface DeleteRangeCommand extends KeySpan {
  readonly kind: "deleteRange";
}

export interface LeaseGrantCommand {
  readonly kind: "leaseGrant";
  /** 0: the store chooses. */
  readonly id: number;
  readonly ttlMs: number;
  /** Whether writes can be repeated in it (rule R17). */
  readonly session: boolean;
}

export interface LeaseKeepAliveCommand {
  readonly kind: "leaseKeepAlive";
  readonly id: number;
}

export interface LeaseRevokeCommand {
  readonly kind: "leaseRevoke";
  readonly id: number;
}

/** Gives up what was overwritten or deleted before `revision`, the oldest readable one then. */
export interface CompactCommand {
  readonly kind: "compact";
  readonly revision: number;
}

/** From the leader alone: ends those whose deadline is still the one named (rule R15). */
export interface ExpireCommand {
  readonly kind: "expire";
  readonly leases: readonly LeaseDeadline[];
}

export interface LeaseDeadline {
  readonly id: number;
  readonly deadlineMs: number;
}

/** From the leader alone: nothing but the stamp around it. */
export interface TimeCommand {
  readonly kind: "time";
}

export type AuthChangeKind =
  | "enable"
  | "disable"
  | "addUser"
  | "deleteUser"
  | "setPassword"
  | "grantRole"
  | "revokeRole"
  | "addRole"
  | "deleteRole"
  | "grantPermission"
  | "revokePermission"
  | "addToken"
  | "deleteToken";

export type AuthRight = "read" | "write" | "readwrite";

/** From a node alone: a change of who may do what. What a kind does not speak of is empty. */
export interface AuthCommand extends KeySpan {
  readonly kind: "auth";
  readonly change: AuthChangeKind;
  readonly user: string;
  readonly role: string;
  readonly right: AuthRight;
  /** What a password or a token is checked by, or the key that signs tokens. */
  readonly secret: Uint8Array;
  /** What a token is known by. */
  readonly token: string;
}

/** On whose behalf a write is executed; set by the leader. */
export interface Identity {
  /** Empty for `local`. */
  readonly user: string;
  /** The change of the users that its password, or the user, came with. */
  readonly epoch: number;
  /** The program that a node runs in. */
  readonly local: boolean;
}

/** What makes a write repeatable: applied once, whatever happens on its way (rule R17). */
export interface SessionMark {
  /** The session's lease. */
  readonly id: number;
  /** From 1 up, one for each write of the session. */
  readonly sequence: number;
  /** The client has the results of all writes up to here, this one included. */
  readonly acknowledged: number;
}

/** One key of the store, whole. */
export interface KvPair {
  readonly key: Uint8Array;
  /** Empty where only keys were asked for. */
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: number;
}

/** What a command did, beyond what `WriteResult` says of it. */
export type CommandResult =
  | ({ readonly kind: "txn" } & TxnResult)
  | ({ readonly kind: "lease" } & LeaseResult)
  | { readonly kind: "deleted"; readonly deleted: number };

export interface TxnResult {
  readonly succeeded: boolean;
  /** One for each operation that was executed, in their order. */
  readonly results: readonly TxnOperationResult[];
}

export type TxnOperationResult =
  | { readonly kind: "put" }
  | { readonly kind: "deleted"; readonly deleted: number }
  | ({ readonly kind: "range" } & RangeResult)
  | ({ readonly kind: "txn" } & TxnResult);

export interface LeaseResult {
  readonly id: number;
  readonly ttlMs: number;
}

export interface RangeResult {
  readonly entries: readonly KvPair[];
  /** Keys in the range, whatever the limit. */
  readonly count: number;
  /** Whether the limit, or the bound of an answer, cut it off. */
  readonly more: boolean;
  /** The revision that was read. */
  readonly revision: number;
}

/** A read beyond the contract's. */
export type KvQuery = RangeQuery | LeaseTimeToLiveQuery | LeaseListQuery;

export interface RangeQuery extends KeySpan {
  readonly kind: "range";
  /** 0: no limit. */
  readonly limit: number;
  /** 0: the present state. Never within a transaction. */
  readonly revision: number;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly descending: boolean;
}

export interface LeaseTimeToLiveQuery {
  readonly kind: "leaseTimeToLive";
  readonly id: number;
  readonly keys: boolean;
}

export interface LeaseListQuery {
  readonly kind: "leaseList";
}

export type KvQueryResult =
  | ({ readonly kind: "range" } & RangeResult)
  | ({ readonly kind: "lease" } & LeaseStatus)
  | { readonly kind: "leases"; readonly ids: readonly number[] };

export interface LeaseStatus {
  readonly id: number;
  /** 0: there is no such lease. */
  readonly ttlMs: number;
  /** Until it ends, by the time of the cluster. */
  readonly remainingMs: number;
  readonly keys: readonly Uint8Array[];
}
