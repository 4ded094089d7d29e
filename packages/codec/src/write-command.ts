import type { Identity, KvCommand, SessionMark } from "./kv-command.js";

/**
 * One write as the key-value engine sees it: `d_engine.client.WriteCommand`, whose encoding is
 * both what clients send and what log entries carry. Of a kind of the contract, or of `KvCommand`.
 */
export type WriteCommand = ContractCommand | (KvCommand & Marks);

/** The writes of the contract itself. */
export type ContractCommand = (PutCommand | DeleteCommand | CompareAndSwapCommand) & Marks;

/** What any write may carry besides; absent from nearly all. */
export interface Marks {
  /** The time of the cluster in milliseconds, from the leader alone (rules R14 and R15). */
  readonly stampMs?: number;
  /** Makes the write repeatable (rule R17). */
  readonly mark?: SessionMark;
  /** On whose behalf; from the leader alone. */
  readonly identity?: Identity;
}

/** What decoding yields: `none` is an operation that is missing or newer; callers refuse it. */
export type DecodedWriteCommand = WriteCommand | NoCommand;

export interface PutCommand {
  readonly kind: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Time to live in milliseconds; 0 for ever. */
  readonly ttlMs: number;
}

export interface DeleteCommand {
  readonly kind: "delete";
  readonly key: Uint8Array;
}

export interface CompareAndSwapCommand {
  readonly kind: "compareAndSwap";
  readonly key: Uint8Array;
  /** `undefined`: the key must not exist, which is not the same as holding an empty value. */
  readonly expected: Uint8Array | undefined;
  readonly value: Uint8Array;
}

export interface NoCommand {
  readonly kind: "none";
}
