import type { DescMessage } from "@bufbuild/protobuf";
import { fromBinary, type kvCommand as kv, kvCommand } from "@d-engine/proto";
import {
  type AuthCommand,
  type CommandResult,
  type Compare,
  type CompareResult,
  type CompareTarget,
  type KvCommand,
  type KvPair,
  type KvQuery,
  type KvQueryResult,
  keyToString,
  type RangeQuery,
  type RangeResult,
  type TxnCommand,
  type TxnOperation,
  type TxnOperationResult,
  type TxnResult,
} from "../src/index.js";
import { authKinds, authRights, compareResults, compareTargets } from "./kv-generated.js";
import { isWellFormed, oddities } from "./well-formed.js";

/** What the decoders must make of what the generated code has read; throws where they must. */

export function expectedKvCommand(bytes: Uint8Array): KvCommand {
  const message = read(kvCommand.CommandSchema, bytes);
  const { unknownFields, unknownNumbers } = oddities(kvCommand.CommandSchema, bytes);
  if (unknownFields > 0 || unknownNumbers > 0) throw new Error("unknown part");
  const { operation } = fromBinary(kvCommand.CommandSchema, message);
  switch (operation.case) {
    case "txn":
      return expectedTxn(operation.value);
    case "put":
      return expectedPut(operation.value);
    case "deleteRange":
      return { kind: "deleteRange", key: operation.value.key, rangeEnd: operation.value.rangeEnd };
    case "leaseGrant": {
      const { id, ttlMs, session } = operation.value;
      return { kind: "leaseGrant", id: Number(id), ttlMs: Number(ttlMs), session };
    }
    case "leaseKeepAlive":
    case "leaseRevoke":
      return { kind: operation.case, id: Number(operation.value.id) };
    case "compact":
      return { kind: "compact", revision: Number(operation.value.revision) };
    case "expire": {
      const leases = operation.value.leases.map(({ id, deadlineMs }) => ({
        id: Number(id),
        deadlineMs: Number(deadlineMs),
      }));
      return { kind: "expire", leases };
    }
    case "time":
      return { kind: "time" };
    case "auth":
      return expectedAuth(operation.value);
    case undefined:
      throw new Error("no operation");
  }
}

function expectedAuth(message: kv.AuthChange): AuthCommand {
  const { user, role, key, rangeEnd, secret, token } = message;
  const [change] = namesOf(authKinds, message.kind);
  const [right] = namesOf(authRights, message.right);
  if (change === undefined || right === undefined) throw new Error("unknown kind or right");
  const names = { user: keyToString(user), role: keyToString(role), token: keyToString(token) };
  return { kind: "auth", change, ...names, key, rangeEnd, right, secret };
}

function namesOf<Name extends string>(numbers: Record<Name, number>, number: number): Name[] {
  return (Object.keys(numbers) as Name[]).filter((name) => numbers[name] === number);
}

export function expectedCommandResult(bytes: Uint8Array): CommandResult {
  const message = read(kvCommand.CommandResultSchema, bytes);
  const { result } = fromBinary(kvCommand.CommandResultSchema, message);
  switch (result.case) {
    case "txn":
      return { kind: "txn", ...expectedTxnResult(result.value) };
    case "lease":
      return { kind: "lease", id: Number(result.value.id), ttlMs: Number(result.value.ttlMs) };
    case "deleted":
      return { kind: "deleted", deleted: Number(result.value) };
    case undefined:
      throw new Error("no result");
  }
}

export function expectedKvQuery(bytes: Uint8Array): KvQuery {
  const message = read(kvCommand.QuerySchema, bytes);
  const { query } = fromBinary(kvCommand.QuerySchema, message);
  switch (query.case) {
    case "range":
      return expectedRange(query.value);
    case "leaseTimeToLive":
      return { kind: "leaseTimeToLive", id: Number(query.value.id), keys: query.value.keys };
    case "leaseList":
      return { kind: "leaseList" };
    case undefined:
      throw new Error("no query");
  }
}

export function expectedKvQueryResult(bytes: Uint8Array): KvQueryResult {
  const message = read(kvCommand.QueryResultSchema, bytes);
  const { result } = fromBinary(kvCommand.QueryResultSchema, message);
  switch (result.case) {
    case "range":
      return { kind: "range", ...expectedRangeResult(result.value) };
    case "lease": {
      const { id, ttlMs, remainingMs, keys } = result.value;
      const numbers = { id: Number(id), ttlMs: Number(ttlMs), remainingMs: Number(remainingMs) };
      return { kind: "lease", ...numbers, keys };
    }
    case "leases":
      return { kind: "leases", ids: result.value.ids.map(Number) };
    case undefined:
      throw new Error("no result");
  }
}

function read(schema: DescMessage, bytes: Uint8Array): Uint8Array {
  if (!isWellFormed(schema, bytes)) throw new Error("malformed");
  // Also in what a later member of a oneof replaces, which the generated code forgets.
  if (oddities(schema, bytes).emptyOneofs > 0) throw new Error("nothing known in a oneof");
  return bytes;
}

function expectedTxn(txn: kv.Txn): TxnCommand {
  return {
    kind: "txn",
    compares: txn.compares.map(expectedCompare),
    success: txn.success.map(expectedOperation),
    failure: txn.failure.map(expectedOperation),
  };
}

function expectedCompare(compare: kv.Compare): Compare {
  const { key, rangeEnd, number, value } = compare;
  const target = nameOf<CompareTarget>(compareTargets, compare.target);
  const result = nameOf<CompareResult>(compareResults, compare.result);
  return { target, result, key, rangeEnd, number: Number(number), value };
}

function nameOf<Name extends string>(numbers: Readonly<Record<Name, number>>, number: number) {
  const name = (Object.keys(numbers) as Name[]).find((known) => numbers[known] === number);
  if (name === undefined) throw new Error("unknown number");
  return name;
}

function expectedOperation({ operation }: kv.TxnOperation): TxnOperation {
  switch (operation.case) {
    case "put":
      return expectedPut(operation.value);
    case "deleteRange":
      return { kind: "deleteRange", key: operation.value.key, rangeEnd: operation.value.rangeEnd };
    case "range":
      return expectedRange(operation.value);
    case "txn":
      return expectedTxn(operation.value);
    case undefined:
      throw new Error("no operation");
  }
}

function expectedPut({ key, value, lease, ttlMs }: kv.Put): TxnOperation & { kind: "leasePut" } {
  return { kind: "leasePut", key, value, lease: Number(lease), ttlMs: Number(ttlMs) };
}

function expectedRange(range: kv.Range): RangeQuery {
  const { key, rangeEnd, keysOnly, countOnly, descending } = range;
  const limit = Number(range.limit);
  const revision = Number(range.revision);
  return { kind: "range", key, rangeEnd, limit, revision, keysOnly, countOnly, descending };
}

function expectedTxnResult({ succeeded, results }: kv.TxnResult): TxnResult {
  return { succeeded, results: results.map(expectedOperationResult) };
}

function expectedOperationResult({ result }: kv.TxnOperationResult): TxnOperationResult {
  switch (result.case) {
    case "put":
      return { kind: "put" };
    case "deleted":
      return { kind: "deleted", deleted: Number(result.value) };
    case "range":
      return { kind: "range", ...expectedRangeResult(result.value) };
    case "txn":
      return { kind: "txn", ...expectedTxnResult(result.value) };
    case undefined:
      throw new Error("no result");
  }
}

function expectedRangeResult({ entries, count, more, revision }: kv.RangeResult): RangeResult {
  const pairs = entries.map(expectedPair);
  return { entries: pairs, count: Number(count), more, revision: Number(revision) };
}

function expectedPair({ key, value, ...numbers }: kv.KeyValue): KvPair {
  return {
    key,
    value,
    createRevision: Number(numbers.createRevision),
    modRevision: Number(numbers.modRevision),
    version: Number(numbers.version),
    lease: Number(numbers.lease),
  };
}
