import fc from "fast-check";
import type {
  AuthCommand,
  CommandResult,
  Compare,
  Identity,
  KvCommand,
  KvPair,
  KvQuery,
  KvQueryResult,
  RangeQuery,
  SessionMark,
  TxnCommand,
  TxnOperation,
  TxnOperationResult,
} from "../src/index.js";
import { authChangeKinds } from "../src/index.js";
import { bytes, uint64 } from "./arbitraries.js";

/** Values of `d_engine.kv.v1`; transactions nest a few levels. */

const rangeEnd = fc.option(bytes, { nil: undefined });
const short = { maxLength: 3 };

const leasePut = fc.record({
  kind: fc.constant("leasePut" as const),
  key: bytes,
  value: bytes,
  lease: uint64,
  ttlMs: uint64,
});

const deleteRange = fc.record({ kind: fc.constant("deleteRange" as const), key: bytes, rangeEnd });

const range: fc.Arbitrary<RangeQuery> = fc.record({
  kind: fc.constant("range" as const),
  key: bytes,
  rangeEnd,
  limit: uint64,
  revision: uint64,
  keysOnly: fc.boolean(),
  countOnly: fc.boolean(),
  descending: fc.boolean(),
});

const compare: fc.Arbitrary<Compare> = fc.record({
  target: fc.constantFrom("version", "createRevision", "modRevision", "value", "lease"),
  result: fc.constantFrom("equal", "greater", "less", "notEqual"),
  key: bytes,
  rangeEnd,
  number: uint64,
  value: bytes,
});

function txn(depth: number): fc.Arbitrary<TxnCommand> {
  const simple: fc.Arbitrary<TxnOperation> = fc.oneof(leasePut, deleteRange, range);
  const operation = depth === 0 ? simple : fc.oneof(simple, txn(depth - 1));
  return fc.record({
    kind: fc.constant("txn" as const),
    compares: fc.array(compare, short),
    success: fc.array(operation, short),
    failure: fc.array(operation, short),
  });
}

/** Names are strings of one byte a character. */
const name = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map(fromByte), maxLength: 12 });

function fromByte(byte: number): string {
  return String.fromCharCode(byte);
}

const authCommand: fc.Arbitrary<AuthCommand> = fc.record({
  kind: fc.constant("auth" as const),
  change: fc.constantFrom(...authChangeKinds.filter((kind) => kind !== undefined)),
  user: name,
  role: name,
  key: bytes,
  rangeEnd,
  right: fc.constantFrom("read", "write", "readwrite"),
  secret: bytes,
  token: name,
});

export const identity: fc.Arbitrary<Identity> = fc.record({
  user: name,
  epoch: uint64,
  local: fc.boolean(),
});

const deadline = fc.record({ id: uint64, deadlineMs: uint64 });

export const kvCommand: fc.Arbitrary<KvCommand> = fc.oneof(
  txn(2),
  leasePut,
  deleteRange,
  fc.record({
    kind: fc.constant("leaseGrant" as const),
    id: uint64,
    ttlMs: uint64,
    session: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("leaseKeepAlive" as const), id: uint64 }),
  fc.record({ kind: fc.constant("leaseRevoke" as const), id: uint64 }),
  fc.record({ kind: fc.constant("compact" as const), revision: uint64 }),
  fc.record({ kind: fc.constant("expire" as const), leases: fc.array(deadline, short) }),
  fc.constant({ kind: "time" as const }),
  authCommand,
);

export const sessionMark: fc.Arbitrary<SessionMark> = fc.record({
  id: uint64,
  sequence: uint64,
  acknowledged: uint64,
});

const pair: fc.Arbitrary<KvPair> = fc.record({
  key: bytes,
  value: bytes,
  createRevision: uint64,
  modRevision: uint64,
  version: uint64,
  lease: uint64,
});

const rangeResult = fc.record({
  kind: fc.constant("range" as const),
  entries: fc.array(pair, short),
  count: uint64,
  more: fc.boolean(),
  revision: uint64,
});

const deleted = fc.record({ kind: fc.constant("deleted" as const), deleted: uint64 });

function txnResult(depth: number): fc.Arbitrary<Extract<CommandResult, { readonly kind: "txn" }>> {
  const simple: fc.Arbitrary<TxnOperationResult> = fc.oneof(
    fc.constant({ kind: "put" as const }),
    deleted,
    rangeResult,
  );
  return fc.record({
    kind: fc.constant("txn" as const),
    succeeded: fc.boolean(),
    results: fc.array(depth === 0 ? simple : fc.oneof(simple, txnResult(depth - 1)), short),
  });
}

export const commandResult: fc.Arbitrary<CommandResult> = fc.oneof(
  txnResult(2),
  fc.record({ kind: fc.constant("lease" as const), id: uint64, ttlMs: uint64 }),
  deleted,
);

export const kvQuery: fc.Arbitrary<KvQuery> = fc.oneof(
  range,
  fc.record({ kind: fc.constant("leaseTimeToLive" as const), id: uint64, keys: fc.boolean() }),
  fc.constant({ kind: "leaseList" as const }),
);

export const kvQueryResult: fc.Arbitrary<KvQueryResult> = fc.oneof(
  rangeResult,
  fc.record({
    kind: fc.constant("lease" as const),
    id: uint64,
    ttlMs: uint64,
    remainingMs: uint64,
    keys: fc.array(bytes, short),
  }),
  fc.record({ kind: fc.constant("leases" as const), ids: fc.array(uint64, { maxLength: 40 }) }),
);
