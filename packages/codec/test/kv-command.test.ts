import type { DescMessage } from "@bufbuild/protobuf";
import { isEngineError } from "@d-engine/core";
import { kvCommand as kv } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CodecError,
  type CommandResult,
  decodeCommandResult,
  decodeKvCommand,
  decodeKvQuery,
  decodeKvQueryResult,
  encodeCommandResult,
  encodeKvCommand,
  encodeKvQuery,
  encodeKvQueryResult,
  type KvCommand,
  kvPairSize,
} from "../src/index.js";
import * as arbitrary from "./kv-arbitraries.js";
import * as expected from "./kv-expected.js";
import * as generated from "./kv-generated.js";
import { damaged, wildBytes } from "./wild-bytes.js";

interface Message {
  readonly name: string;
  readonly schema: DescMessage;
  readonly value: fc.Arbitrary<unknown>;
  readonly encode: (value: never) => Uint8Array;
  readonly generated: (value: never) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
  readonly expected: (bytes: Uint8Array) => unknown;
}

const messages: readonly Message[] = [
  {
    name: "Command",
    schema: kv.CommandSchema,
    value: arbitrary.kvCommand,
    encode: encodeKvCommand,
    generated: generated.generatedKvCommand,
    decode: (bytes) => decodeKvCommand(bytes),
    expected: expected.expectedKvCommand,
  },
  {
    name: "CommandResult",
    schema: kv.CommandResultSchema,
    value: arbitrary.commandResult,
    encode: encodeCommandResult,
    generated: generated.generatedCommandResult,
    decode: decodeCommandResult,
    expected: expected.expectedCommandResult,
  },
  {
    name: "Query",
    schema: kv.QuerySchema,
    value: arbitrary.kvQuery,
    encode: encodeKvQuery,
    generated: generated.generatedKvQuery,
    decode: decodeKvQuery,
    expected: expected.expectedKvQuery,
  },
  {
    name: "QueryResult",
    schema: kv.QueryResultSchema,
    value: arbitrary.kvQueryResult,
    encode: encodeKvQueryResult,
    generated: generated.generatedKvQueryResult,
    decode: decodeKvQueryResult,
    expected: expected.expectedKvQueryResult,
  },
];

describe("messages of kv.v1 are the bytes of the generated code, and are read back", () => {
  it.each(messages)("$name", (message) => {
    fc.assert(
      fc.property(message.value, (value) => {
        const bytes = message.encode(value as never);
        expect(bytes).toEqual(message.generated(value as never));
        expect(message.decode(bytes)).toEqual(value);
      }),
    );
  });
});

describe("decoders of kv.v1 agree with the generated code on bytes that no encoder made", () => {
  it.each(messages)("$name", ({ schema, value, encode, decode, expected }) => {
    let accepted = 0;
    const inputs = fc.oneof(wildBytes(schema), damaged(encodings(value, encode)));
    fc.assert(
      fc.property(inputs, (input) => {
        const outcome = outcomeOf(() => decode(input));
        if (outcome !== "refused") accepted++;
        expect(outcome).toEqual(outcomeOf(() => expected(input)));
      }),
      { numRuns: 1500 },
    );
    // A comparison of refusals alone would prove little.
    expect(accepted).toBeGreaterThan(30);
  });

  it.each(messages)("$name never reads past the view it is given", ({ value, encode, decode }) => {
    fc.assert(
      fc.property(damaged(encodings(value, encode)), (input) => {
        const padded = new Uint8Array(input.length + 40).fill(1);
        padded.set(input, 20);
        const view = padded.subarray(20, 20 + input.length);
        expect(outcomeOf(() => decode(view))).toEqual(outcomeOf(() => decode(input)));
      }),
    );
  });

  it.each(messages)("$name fails in no way that is not told", ({ schema, decode }) => {
    fc.assert(
      fc.property(wildBytes(schema), (input) => {
        try {
          decode(input);
        } catch (error) {
          const isTold = error instanceof CodecError || isEngineError(error, "VERSION_MISMATCH");
          if (!isTold) throw error;
        }
      }),
    );
  });
});

const key = Uint8Array.of(0x6b);
const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

describe("a command that this version does not know in full", () => {
  it.each([
    { name: "an operation", hex: "5a0101", field: "Command .* has field 11" },
    { name: "a field of a put", hex: "1205 0a016b 2801", field: "Put .* has field 5" },
    { name: "a field of a time", hex: "4a02 0801", field: "Time .* has field 1" },
    {
      name: "a field of an operation's range",
      hex: "0a08 1206 1a04 0a00 4001",
      field: "Range .* 8",
    },
    { name: "an operation of a transaction", hex: "0a04 1202 2a00", field: "TxnOperation .* 5" },
    { name: "a target of a compare", hex: "0a04 0a02 0805", field: "Compare has target 5" },
    { name: "a kind of change of users", hex: "5202 080e", field: "AuthChange is of kind 14" },
    { name: "a right", hex: "5204 0801 3003", field: "AuthChange has right 3" },
    { name: "a result of a compare", hex: "0a04 0a02 1004", field: "Compare has result 4" },
  ])("is refused: $name", ({ hex, field }) => {
    const decode = () => decodeKvCommand(bytesOf(hex));
    expect(decode).toThrow(expect.objectContaining({ code: "VERSION_MISMATCH" }));
    expect(decode).toThrow(new RegExp(field));
  });

  it("is not the same as a query or a result, which are read without what is unknown", () => {
    expect(decodeKvQuery(bytesOf("520101 0a05 0a016b 4001"))).toMatchObject({ kind: "range", key });
    expect(decodeCommandResult(bytesOf("1805 520101"))).toEqual({ kind: "deleted", deleted: 5 });
  });

  it.each([
    { name: "a command", decode: () => decodeKvCommand(bytesOf("")) },
    { name: "an operation of a transaction", decode: () => decodeKvCommand(bytesOf("0a02 1200")) },
    { name: "a query", decode: () => decodeKvQuery(bytesOf("520101")) },
    { name: "a command's result", decode: () => decodeCommandResult(bytesOf("520101")) },
    { name: "a query's result", decode: () => decodeKvQueryResult(bytesOf("520101")) },
  ])("is a CodecError where it is empty: $name", ({ decode }) => {
    expect(decode).toThrow(CodecError);
  });
});

describe("transactions nest to a depth of 8", () => {
  it("commands", () => {
    const deepest = nestedTxn(8);
    expect(decodeKvCommand(encodeKvCommand(deepest))).toEqual(deepest);
    expect(() => encodeKvCommand(nestedTxn(9))).toThrow(/nested deeper than 8/);
    const tooDeep = generated.generatedKvCommand(nestedTxn(9));
    expect(() => decodeKvCommand(tooDeep)).toThrow(CodecError);
    expect(() => decodeKvCommand(tooDeep)).toThrow(/nested deeper than 8/);
  });

  it("results", () => {
    const deepest = nestedResult(8);
    expect(decodeCommandResult(encodeCommandResult(deepest))).toEqual(deepest);
    expect(() => encodeCommandResult(nestedResult(9))).toThrow(/nested deeper than 8/);
    const tooDeep = generated.generatedCommandResult(nestedResult(9));
    expect(() => decodeCommandResult(tooDeep)).toThrow(/nested deeper than 8/);
  });
});

it("numbers that have no encoding are refused, and named", () => {
  const bad = { kind: "compact", revision: 2 ** 53 } as const;
  expect(() => encodeKvCommand(bad)).toThrow(
    /Compact.revision: 9007199254740992 is not an integer/,
  );
  expect(() => encodeKvQueryResult({ kind: "leases", ids: [-1] })).toThrow(/LeaseIds.ids: -1/);
});

it("keys and values that were decoded are views", () => {
  const bytes = encodeKvCommand({ kind: "leasePut", key, value: key, lease: 1, ttlMs: 0 });
  const put = decodeKvCommand(bytes);
  if (put.kind !== "leasePut") expect.fail(put.kind);
  expect([put.key.buffer, put.value.buffer]).toEqual([bytes.buffer, bytes.buffer]);
});

it("a range's result grows by the size of each pair", () => {
  const numbers = { createRevision: 1, modRevision: 300, version: 2, lease: 0 };
  const pair = { key, value: new Uint8Array(200), ...numbers };
  const range = { kind: "range", count: 1, more: false, revision: 300 } as const;
  const empty = encodeKvQueryResult({ ...range, entries: [] }).length;
  const grown = encodeKvQueryResult({ ...range, entries: [pair] }).length;
  // The length of the whole takes one byte more.
  expect(grown - empty).toBe(kvPairSize(pair) + 1);
});

function encodings(value: fc.Arbitrary<unknown>, encode: (value: never) => Uint8Array) {
  return value.map((one) => encode(one as never));
}

function outcomeOf(decode: () => unknown): unknown {
  try {
    return decode();
  } catch {
    return "refused";
  }
}

function nestedTxn(depth: number): KvCommand & { kind: "txn" } {
  const success = depth === 1 ? [] : [nestedTxn(depth - 1)];
  return { kind: "txn", compares: [], success, failure: [] };
}

function nestedResult(depth: number): CommandResult & { kind: "txn" } {
  return { kind: "txn", succeeded: true, results: depth === 1 ? [] : [nestedResult(depth - 1)] };
}
