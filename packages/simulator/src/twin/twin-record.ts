import type { CommandResult, KvPair, TxnOperationResult, TxnResult } from "@d-engine/codec";
import { toBytes, toName } from "../workload/call.js";

/** What the twin holds for a key. Values are names, as everywhere in a simulation. */
export interface TwinRecord {
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** 0: none. Those of puts are numbered from `ownLeaseIdsFrom` up. */
  readonly lease: number;
}

/** One change of one key. */
export interface TwinEvent {
  readonly revision: number;
  readonly key: string;
  /** `undefined`: it was deleted. */
  readonly record: TwinRecord | undefined;
  readonly previous: TwinRecord | undefined;
}

/** What a command did, as far as whoever sent it is told. */
export interface TwinOutcome {
  readonly succeeded: boolean;
  readonly revision: number;
  /** The code of a refusal. */
  readonly refusal: string | undefined;
  /** `describeResult` of what else it answered. */
  readonly detail: string;
}

/** Ids of leases that belong to a single put. */
export const ownLeaseIdsFrom = 2 ** 52;

/** The lease as clients see it. */
export function shownLease(lease: number): number {
  return lease < ownLeaseIdsFrom ? lease : 0;
}

export function pairOf(key: string, record: TwinRecord, keysOnly: boolean): KvPair {
  const { createRevision, modRevision, version, lease } = record;
  const value = keysOnly ? new Uint8Array(0) : toBytes(record.value);
  return {
    key: toBytes(key),
    value,
    createRevision,
    modRevision,
    version,
    lease: shownLease(lease),
  };
}

/** One line that is equal for equal results. */
export function describeResult(result: CommandResult | undefined): string {
  switch (result?.kind) {
    case undefined:
      return "";
    case "txn":
      return describeTxn(result);
    case "lease":
      return `lease ${result.id} of ${result.ttlMs} ms`;
    case "deleted":
      return `${result.deleted} deleted`;
  }
}

function describeTxn({ succeeded, results }: TxnResult): string {
  return `${succeeded ? "then" : "else"} (${results.map(describeOperation).join(", ")})`;
}

function describeOperation(result: TxnOperationResult): string {
  switch (result.kind) {
    case "put":
      return "put";
    case "deleted":
      return `${result.deleted} deleted`;
    case "range":
      return describeRange(result);
    case "txn":
      return describeTxn(result);
  }
}

function describeRange(range: {
  readonly entries: readonly KvPair[];
  readonly count: number;
  readonly more: boolean;
  readonly revision: number;
}): string {
  const entries = range.entries.map(
    ({ key, value, createRevision, modRevision, version, lease }) => {
      return `${toName(key)}=${toName(value)}@${createRevision}/${modRevision}/${version}/${lease}`;
    },
  );
  const more = range.more ? " and more" : "";
  return `${range.count} at ${range.revision}: ${entries.join(" ")}${more}`;
}
