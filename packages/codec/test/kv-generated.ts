import { create, kvCommand as kv, type MessageInitShape, toBinary } from "@d-engine/proto";
import {
  type AuthChangeKind,
  type AuthCommand,
  type AuthRight,
  type CommandResult,
  type Compare,
  type KvCommand,
  type KvQuery,
  type KvQueryResult,
  type RangeResult,
  stringToKey,
  type TxnCommand,
  type TxnOperation,
  type TxnOperationResult,
  type TxnResult,
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

export const authKinds: Readonly<Record<AuthChangeKind, kv.AuthChange_Kind>> = {
  enable: kv.AuthChange_Kind.ENABLE,
  disable: kv.AuthChange_Kind.DISABLE,
  addUser: kv.AuthChange_Kind.ADD_USER,
  deleteUser: kv.AuthChange_Kind.DELETE_USER,
  setPassword: kv.AuthChange_Kind.SET_PASSWORD,
  grantRole: kv.AuthChange_Kind.GRANT_ROLE,
  revokeRole: kv.AuthChange_Kind.REVOKE_ROLE,
  addRole: kv.AuthChange_Kind.ADD_ROLE,
  deleteRole: kv.AuthChange_Kind.DELETE_ROLE,
  grantPermission: kv.AuthChange_Kind.GRANT_PERMISSION,
  revokePermission: kv.AuthChange_Kind.REVOKE_PERMISSION,
  addToken: kv.AuthChange_Kind.ADD_TOKEN,
  deleteToken: kv.AuthChange_Kind.DELETE_TOKEN,
};

export const authRights: Readonly<Record<AuthRight, kv.AuthRight>> = {
  read: kv.AuthRight.READ,
  write: kv.AuthRight.WRITE,
  readwrite: kv.AuthRight.READ_WRITE,
};

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
    case "auth":
      return { case: "auth", value: authInit(command) };
    default:
      return { case: command.kind, value: wide(command) } as Operation;
  }
}

function authInit(command: AuthCommand): MessageInitShape<typeof kv.AuthChangeSchema> {
  const { change, user, role, key, rangeEnd, right, secret, token } = command;
  return {
    kind: authKinds[change],
    user: stringToKey(user),
    role: stringToKey(role),
    key,
    ...(rangeEnd === undefined ? {} : { rangeEnd }),
    right: authRights[right],
    secret,
    token: stringToKey(token),
  };
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
