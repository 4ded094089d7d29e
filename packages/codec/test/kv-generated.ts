import { create, kvCommand as kv, type MessageInitShape, toBinary } from "@d-engine/proto";
import type {
  CommandResult,
  Compare,
  KvCommand,
  KvQuery,
  KvQueryResult,
  RangeResult,
  TxnCommand,
  TxnOperation,
  TxnOperationResult,
  TxnResult,
} from "../src/index.js";

/** Encodes values of `d_engine.kv.v1` with the generated code. */

export function generatedKvCommand(command: KvCommand): Uint8Array {
  return toBinary(kv.CommandSchema, create(kv.CommandSchema, { operation: commandInit(command) }));
}

export function generatedCommandResult(result: CommandResult): Uint8Array {
  const message = create(kv.CommandResultSchema, { result: resultInit(result) });
  return toBinary(kv.CommandResultSchema, message);
}

export function generatedKvQuery(query: KvQuery): Uint8Array {
  return toBinary(kv.QuerySchema, create(kv.QuerySchema, { query: queryInit(query) }));
}

export function generatedKvQueryResult(result: KvQueryResult): Uint8Array {
  const message = create(kv.QueryResultSchema, { result: queryResultInit(result) });
  return toBinary(kv.QueryResultSchema, message);
}

export const compareTargets = {
  version: kv.Compare_Target.VERSION,
  createRevision: kv.Compare_Target.CREATE_REVISION,
  modRevision: kv.Compare_Target.MOD_REVISION,
  value: kv.Compare_Target.VALUE,
  lease: kv.Compare_Target.LEASE,
} as const;

export const compareResults = {
  equal: kv.Compare_Result.EQUAL,
  greater: kv.Compare_Result.GREATER,
  less: kv.Compare_Result.LESS,
  notEqual: kv.Compare_Result.NOT_EQUAL,
} as const;

/** Numbers as the generated code has them; `undefined` is left out, and so is our `kind`. */
type Wide<T> = T extends number ? bigint : T;

function wide<T extends object>(value: T): { [Field in keyof Omit<T, "kind">]: Wide<T[Field]> } {
  const fields = Object.entries(value)
    .filter(([name, field]) => name !== "kind" && field !== undefined)
    .map(([name, field]) => [name, typeof field === "number" ? BigInt(field) : field]);
  return Object.fromEntries(fields);
}

type Operation = NonNullable<MessageInitShape<typeof kv.CommandSchema>["operation"]>;

function commandInit(command: KvCommand): Operation {
  switch (command.kind) {
    case "txn":
      return { case: "txn", value: txnInit(command) };
    case "leasePut":
      return { case: "put", value: wide(command) };
    case "expire":
      return { case: "expire", value: { leases: command.leases.map(wide) } };
    default:
      return { case: command.kind, value: wide(command) } as Operation;
  }
}

function txnInit(txn: TxnCommand): MessageInitShape<typeof kv.TxnSchema> {
  return {
    compares: txn.compares.map(compareInit),
    success: txn.success.map(operationInit),
    failure: txn.failure.map(operationInit),
  };
}

function compareInit(compare: Compare): MessageInitShape<typeof kv.CompareSchema> {
  const target = compareTargets[compare.target];
  const result = compareResults[compare.result];
  return { ...(wide(compare) as object), target, result };
}

type TxnOperationInit = MessageInitShape<typeof kv.TxnOperationSchema>;

function operationInit(operation: TxnOperation): TxnOperationInit {
  switch (operation.kind) {
    case "txn":
      return { operation: { case: "txn", value: txnInit(operation) } };
    case "leasePut":
      return { operation: { case: "put", value: wide(operation) } };
    default:
      return { operation: { case: operation.kind, value: wide(operation) } } as TxnOperationInit;
  }
}

type Result = NonNullable<MessageInitShape<typeof kv.CommandResultSchema>["result"]>;

function resultInit(result: CommandResult): Result {
  switch (result.kind) {
    case "txn":
      return { case: "txn", value: txnResultInit(result) };
    case "lease":
      return { case: "lease", value: wide(result) };
    case "deleted":
      return { case: "deleted", value: BigInt(result.deleted) };
  }
}

function txnResultInit(txn: TxnResult): MessageInitShape<typeof kv.TxnResultSchema> {
  return {
    succeeded: txn.succeeded,
    results: txn.results.map((result) => ({ result: operationResultInit(result) })),
  };
}

type OperationResult = NonNullable<MessageInitShape<typeof kv.TxnOperationResultSchema>["result"]>;

function operationResultInit(result: TxnOperationResult): OperationResult {
  switch (result.kind) {
    case "put":
      return { case: "put", value: true };
    case "deleted":
      return { case: "deleted", value: BigInt(result.deleted) };
    case "range":
      return { case: "range", value: rangeResultInit(result) };
    case "txn":
      return { case: "txn", value: txnResultInit(result) };
  }
}

function rangeResultInit(range: RangeResult): MessageInitShape<typeof kv.RangeResultSchema> {
  const { count, more, revision } = range;
  const entries = range.entries.map(wide);
  return { entries, count: BigInt(count), more, revision: BigInt(revision) };
}

type Query = NonNullable<MessageInitShape<typeof kv.QuerySchema>["query"]>;

function queryInit(query: KvQuery): Query {
  return { case: query.kind, value: wide(query) } as Query;
}

type QueryResult = NonNullable<MessageInitShape<typeof kv.QueryResultSchema>["result"]>;

function queryResultInit(result: KvQueryResult): QueryResult {
  switch (result.kind) {
    case "range":
      return { case: "range", value: rangeResultInit(result) };
    case "lease":
      return { case: "lease", value: { ...wide(result), keys: [...result.keys] } };
    case "leases":
      return { case: "leases", value: { ids: result.ids.map(BigInt) } };
  }
}
