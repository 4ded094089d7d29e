import type {
  Compare,
  CompareResult,
  CompareTarget,
  TxnCommand,
  TxnOperation,
  TxnResult,
} from "@d-engine/codec";
import { assertNever, EngineError } from "@d-engine/core";
import type { Bytes } from "../engine-client.js";
import { type KeySelection, spanOf } from "../key-selection.js";
import { toBytes } from "../to-bytes.js";
import { type KeyRange, keyRangeOf, type RangeShape, rangeQuery } from "./range.js";
import { checkTtl } from "./ttl.js";

/** Equal to what is given, or as it says. */
export type Test<Value> =
  | Value
  | { readonly equal: Value }
  | { readonly notEqual: Value }
  | { readonly greater: Value }
  | { readonly less: Value };

/**
 * What must be so of a key; of several, of each of them. Of a key that does not exist every number
 * is 0, and no test of its value holds.
 */
export type TxnCondition = { readonly key: KeySelection } & (
  | { readonly exists: boolean }
  | { readonly value: Test<Bytes> }
  | { readonly version: Test<number> }
  | { readonly createRevision: Test<number> }
  | { readonly modRevision: Test<number> }
  | { readonly lease: Test<number> }
);

/** One thing that a transaction does. */
export type TxnStep =
  | {
      readonly kind: "put";
      readonly key: Bytes;
      readonly value: Bytes;
      /** The lease that the key ends with. */
      readonly lease?: number;
      /** Milliseconds until the key ends. Not together with `lease`. */
      readonly ttlMs?: number;
    }
  | { readonly kind: "delete"; readonly keys: KeySelection }
  | ({ readonly kind: "range"; readonly keys: KeySelection } & RangeShape)
  | ({ readonly kind: "txn" } & TxnParts);

/** The three parts of a transaction. */
export interface TxnParts {
  readonly if?: readonly TxnCondition[];
  readonly then?: readonly TxnStep[];
  readonly else?: readonly TxnStep[];
}

/** What one step did. */
export type TxnStepResult =
  | { readonly kind: "put" }
  | { readonly kind: "delete"; readonly deleted: number }
  | ({ readonly kind: "range" } & KeyRange)
  | ({ readonly kind: "txn" } & TxnBranch);

/** Which steps were done, and what they did, in their order. */
export interface TxnBranch {
  /** Whether all conditions held: the steps of `then` were done, otherwise those of `else`. */
  readonly succeeded: boolean;
  readonly results: readonly TxnStepResult[];
}

/** @throws EngineError `INVALID_REQUEST` naming the first condition or step that is none */
export function txnCommand(parts: TxnParts): TxnCommand {
  return {
    kind: "txn",
    compares: (parts.if ?? []).map(compareOf),
    success: (parts.then ?? []).map(operationOf),
    failure: (parts.else ?? []).map(operationOf),
  };
}

export function txnBranchOf({ succeeded, results }: TxnResult): TxnBranch {
  return {
    succeeded,
    results: results.map((result): TxnStepResult => {
      switch (result.kind) {
        case "put":
          return { kind: "put" };
        case "deleted":
          return { kind: "delete", deleted: result.deleted };
        case "range":
          return { kind: "range", ...keyRangeOf(result) };
        case "txn":
          return { kind: "txn", ...txnBranchOf(result) };
        default:
          return assertNever(result);
      }
    }),
  };
}

const noValue = new Uint8Array(0);
const targets = ["value", "version", "createRevision", "modRevision", "lease"] as const;

function compareOf(condition: TxnCondition, at: number): Compare {
  const where = `condition ${at + 1}`;
  if (typeof condition !== "object" || condition === null) throw bad(where, "is no object");
  const span = spanOf(condition.key);
  const given = Object.entries(condition).filter(([name, test]) => {
    return name !== "key" && test !== undefined;
  });
  const [name, test] = given[0] ?? [];
  if (given.length !== 1) throw bad(where, "must test exactly one thing of its key");
  if (name === "exists") {
    const result = test === true ? "notEqual" : "equal";
    return { ...span, target: "createRevision", result, number: 0, value: noValue };
  }
  const target = targets.find((one) => one === name);
  if (target === undefined) throw bad(where, `cannot test ${name}`);
  return { ...span, target, ...operandOf(target, test, where) };
}

const results: readonly CompareResult[] = ["equal", "notEqual", "greater", "less"];

function operandOf(
  target: CompareTarget,
  test: unknown,
  where: string,
): Pick<Compare, "result" | "number" | "value"> {
  const isPlain = typeof test !== "object" || test === null || test instanceof Uint8Array;
  const [name, operand] = isPlain ? ["equal", test] : (Object.entries(test)[0] ?? []);
  const result = results.find((one) => one === name);
  if (result === undefined) throw bad(where, `compares by ${results.join(", ")}, got ${name}`);
  if (target === "value") {
    return { result, number: 0, value: copyOf(operand as Bytes, `${where}: value`) };
  }
  if (Number.isSafeInteger(operand) && Number(operand) >= 0) {
    return { result, number: Number(operand), value: noValue };
  }
  throw bad(where, `${target} is compared with an integer from 0 on, got ${operand}`);
}

function operationOf(step: TxnStep, at: number): TxnOperation {
  switch (step?.kind) {
    case "put": {
      const { key, value, lease = 0 } = step;
      return {
        kind: "leasePut",
        key: copyOf(key, "key"),
        value: copyOf(value, "value"),
        lease,
        ttlMs: checkTtl(step.ttlMs) ?? 0,
      };
    }
    case "delete":
      return { kind: "deleteRange", ...spanOf(step.keys) };
    case "range":
      return rangeQuery(step.keys, { ...step, revision: undefined } as RangeShape);
    case "txn":
      return txnCommand(step);
    default:
      // Reached by `await` on a builder, too: it takes everything with a `then` for a promise.
      throw bad(`step ${at + 1}`, "is none of put, delete, range, txn; end with commit()");
  }
}

function copyOf(bytes: Bytes, what: string): Uint8Array {
  return new Uint8Array(toBytes(bytes, what));
}

function bad(where: string, what: string): EngineError {
  return new EngineError("INVALID_REQUEST", `a transaction's ${where} ${what}`);
}
