import { create, fromBinary, type MessageInitShape, session, toBinary } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type DecodedSessionOperation,
  type DecodedSessionResult,
  decodeSessionRequest,
  decodeSessionResponse,
  encodeSessionRequest,
  encodeSessionResponse,
  type SessionOperation,
  type SessionResponse,
  type SessionResult,
  Slab,
  sessionEntrySize,
  sessionOperationSize,
  sessionResultSize,
  sessionValueSize,
} from "../src/index.js";
import { bytes, text, uint64 } from "./arbitraries.js";
import { isWellFormed } from "./well-formed.js";
import { damaged, wildBytes } from "./wild-bytes.js";

const uint32 = uint64.filter((value) => value < 2 ** 32);
const policy = fc.constantFrom(undefined, 0, 1, 2);
const identified = { id: uint64, timeoutMs: uint32 };

const operation: fc.Arbitrary<SessionOperation> = fc.oneof(
  fc.record({ kind: fc.constant("write" as const), ...identified, command: bytes }),
  fc.record({
    kind: fc.constant("read" as const),
    ...identified,
    keys: fc.array(bytes, { maxLength: 3 }),
    policy,
  }),
  fc.record({ kind: fc.constant("scan" as const), ...identified, prefix: bytes, policy }),
  fc.record({ kind: fc.constant("query" as const), ...identified, query: bytes, policy }),
  fc.record({ kind: fc.constant("cancel" as const), target: uint64 }),
);

const request = fc.record({
  operations: fc.array(operation, { maxLength: 4 }),
  ping: fc.option(uint64, { nil: undefined }),
});

const result: fc.Arbitrary<SessionResult> = fc.oneof(
  fc.record({
    kind: fc.constant("write" as const),
    id: uint64,
    succeeded: fc.boolean(),
    revision: uint64,
    existed: fc.boolean(),
    detail: bytes.map((detail) => (detail.length === 0 ? undefined : detail)),
  }),
  fc.record({ kind: fc.constant("query" as const), id: uint64, answer: bytes }),
  fc.record({
    kind: fc.constant("read" as const),
    id: uint64,
    more: fc.boolean(),
    values: fc.array(fc.option(bytes, { nil: undefined }), { maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("scan" as const),
    id: uint64,
    more: fc.boolean(),
    entries: fc.array(fc.record({ key: bytes, value: bytes }), { maxLength: 3 }),
    revision: uint64,
  }),
  fc.record({
    kind: fc.constant("failure" as const),
    id: uint64,
    code: uint32,
    message: text,
    leaderId: uint32,
    leaderAddress: text,
    retryAfterMs: fc.option(uint64, { nil: undefined }),
  }),
);

const response = fc.record({
  hello: fc.option(fc.record({ nodeId: uint32 }), { nil: undefined }),
  window: fc.option(
    fc.record({ operationsMax: uint32, operationBytesMax: uint64, messageBytesMax: uint64 }),
    { nil: undefined },
  ),
  results: fc.array(result, { maxLength: 4 }),
  pong: fc.option(uint64, { nil: undefined }),
  draining: fc.boolean(),
});

describe("session messages are the bytes of the generated code, and are read back", () => {
  it("SessionRequest, with the size of each operation", () => {
    fc.assert(
      fc.property(request, (given) => {
        const encoded = encodeSessionRequest(given);
        expect(encoded).toEqual(generatedRequest(given));
        const { sizes, ...decoded } = decodeSessionRequest(encoded, new Slab());
        expect(decoded).toEqual(given);
        expect(sizes).toEqual(given.operations.map(sessionOperationSize));
      }),
    );
  });

  it("SessionResponse", () => {
    fc.assert(
      fc.property(response, (given) => {
        const encoded = encodeSessionResponse(given);
        expect(encoded).toEqual(generatedResponse(given));
        expect(decodeSessionResponse(encoded, new Slab())).toEqual(given);
      }),
    );
  });

  it("a result grows by the size of each value and entry", () => {
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 20, maxLength: 40 }), (values) => {
        const empty = { kind: "read", id: 1, more: false, values: [] } as const;
        const grown = sessionResultSize({ ...empty, values });
        const sum = values.reduce((size, value) => size + sessionValueSize(value), 0);
        // The length of the whole may take a few bytes more.
        expect(grown - sessionResultSize(empty) - sum).toBeLessThanOrEqual(3);
        const scan = { kind: "scan", id: 1, more: false, entries: [], revision: 1 } as const;
        const entries = values.map((value) => ({ key: value, value }));
        const entrySum = entries.reduce((size, entry) => size + sessionEntrySize(entry), 0);
        const rest = sessionResultSize({ ...scan, entries }) - sessionResultSize(scan) - entrySum;
        expect(rest).toBeLessThanOrEqual(3);
      }),
    );
  });
});

const decoders = [
  {
    name: "SessionRequest",
    schema: session.SessionRequestSchema,
    encoded: request.map(encodeSessionRequest),
    decode: (input: Uint8Array) => {
      const { sizes: _, ...decoded } = decodeSessionRequest(input, new Slab());
      return decoded;
    },
    expected: (input: Uint8Array) =>
      readRequest(fromBinary(session.SessionRequestSchema, input)) as unknown,
  },
  {
    name: "SessionResponse",
    schema: session.SessionResponseSchema,
    encoded: response.map(encodeSessionResponse),
    decode: (input: Uint8Array) => decodeSessionResponse(input, new Slab()) as unknown,
    expected: (input: Uint8Array) =>
      readResponse(fromBinary(session.SessionResponseSchema, input)) as unknown,
  },
];

describe("session decoders agree with the generated code on bytes that no encoder made", () => {
  it.each(decoders)("$name", ({ schema, encoded, decode, expected }) => {
    let accepted = 0;
    const inputs = fc.oneof(wildBytes(schema), damaged(encoded));
    const expectedOutcome = (input: Uint8Array) =>
      isWellFormed(schema, input) ? outcomeOf(() => expected(input)) : "refused";
    fc.assert(
      fc.property(inputs, (input) => {
        const outcome = outcomeOf(() => decode(input));
        if (outcome !== "refused") accepted++;
        expect(outcome).toEqual(expectedOutcome(input));
      }),
      { numRuns: 1500 },
    );
    // A comparison of refusals alone would prove little.
    expect(accepted).toBeGreaterThan(30);
  });

  it.each(decoders)("$name never reads past the view it is given", ({ encoded, decode }) => {
    fc.assert(
      fc.property(damaged(encoded), (input) => {
        const padded = new Uint8Array(input.length + 40).fill(1);
        padded.set(input, 20);
        const view = padded.subarray(20, 20 + input.length);
        expect(outcomeOf(() => decode(view))).toEqual(outcomeOf(() => decode(input)));
      }),
    );
  });
});

it("what is decoded does not hold on to the bytes it came from", () => {
  const command = new Uint8Array(100).fill(7);
  const encoded = encodeSessionRequest({
    operations: [
      { kind: "write", id: 1, timeoutMs: 0, command },
      { kind: "read", id: 2, timeoutMs: 0, keys: [command], policy: undefined },
      { kind: "query", id: 3, timeoutMs: 0, query: command, policy: undefined },
    ],
  });
  const { operations } = decodeSessionRequest(encoded, new Slab());
  encoded.fill(0);
  expect(operations).toMatchObject([{ command }, { keys: [command] }, { query: command }]);
});

function outcomeOf(decode: () => unknown): unknown {
  try {
    return withoutByteOrderMark(decode());
  } catch {
    return "refused";
  }
}

/** The generated code drops a leading U+FEFF from text; ours keeps what was sent. */
function withoutByteOrderMark(value: unknown): unknown {
  if (typeof value === "string") return value.replace(/^\ufeff/, "");
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutByteOrderMark);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withoutByteOrderMark(inner)]),
  );
}

function generatedRequest(given: {
  readonly operations: readonly SessionOperation[];
  readonly ping: number | undefined;
}): Uint8Array {
  const message = create(session.SessionRequestSchema, {
    operations: given.operations.map(generatedOperation),
    ...(given.ping === undefined ? {} : { ping: BigInt(given.ping) }),
  });
  return toBinary(session.SessionRequestSchema, message);
}

function generatedOperation(one: SessionOperation): session.Operation {
  const ids = one.kind === "cancel" ? {} : { id: BigInt(one.id), timeoutMs: one.timeoutMs };
  return create(session.OperationSchema, { ...ids, kind: generatedKind(one) });
}

type OperationKind = NonNullable<MessageInitShape<typeof session.OperationSchema>["kind"]>;

function generatedKind(one: SessionOperation): OperationKind {
  if (one.kind === "cancel") return { case: "cancel", value: BigInt(one.target) };
  if (one.kind === "write") return { case: "write", value: one.command };
  const level = one.policy === undefined ? {} : { consistencyPolicy: one.policy };
  if (one.kind === "read") return { case: "read", value: { keys: [...one.keys], ...level } };
  if (one.kind === "query") return { case: "query", value: { query: one.query, ...level } };
  return { case: "scan", value: { prefix: one.prefix, ...level } };
}

function generatedResponse(given: SessionResponse): Uint8Array {
  const { hello, window, results, pong, draining } = given;
  const message = create(session.SessionResponseSchema, {
    ...(hello === undefined ? {} : { hello }),
    ...(window === undefined
      ? {}
      : {
          window: {
            operationsMax: window.operationsMax,
            operationBytesMax: BigInt(window.operationBytesMax),
            messageBytesMax: BigInt(window.messageBytesMax),
          },
        }),
    results: results.map((one) =>
      create(session.ResultSchema, {
        id: BigInt(one.id),
        more: "more" in one && one.more,
        kind: generatedResultKind(one),
      }),
    ),
    ...(pong === undefined ? {} : { pong: BigInt(pong) }),
    draining: draining === true,
  });
  return toBinary(session.SessionResponseSchema, message);
}

type ResultKind = NonNullable<MessageInitShape<typeof session.ResultSchema>["kind"]>;

function generatedResultKind(one: SessionResult): ResultKind {
  switch (one.kind) {
    case "write": {
      const { succeeded, existed, detail } = one;
      const value = { succeeded, revision: BigInt(one.revision), existed };
      return { case: "write", value: detail === undefined ? value : { ...value, detail } };
    }
    case "query":
      return { case: "query", value: one.answer };
    case "read": {
      const values = one.values.map((value) => (value === undefined ? {} : { value }));
      return { case: "read", value: { values } };
    }
    case "scan":
      return {
        case: "scan",
        value: { entries: [...one.entries], revision: BigInt(one.revision) },
      };
    case "failure": {
      const { code, message, leaderId, leaderAddress, retryAfterMs } = one;
      const pause = retryAfterMs === undefined ? {} : { retryAfterMs: BigInt(retryAfterMs) };
      return { case: "failure", value: { code, message, leaderId, leaderAddress, ...pause } };
    }
  }
}

function readRequest(message: session.SessionRequest): unknown {
  return {
    operations: message.operations.map(readOperation),
    ping: message.ping === undefined ? undefined : Number(message.ping),
  };
}

function readOperation(message: session.Operation): DecodedSessionOperation {
  const { kind, timeoutMs } = message;
  const id = Number(message.id);
  switch (kind.case) {
    case "write":
      return { kind: "write", id, timeoutMs, command: kind.value };
    case "read":
      return { kind: "read", id, timeoutMs, keys: kind.value.keys, policy: policyOf(kind.value) };
    case "scan": {
      const { prefix } = kind.value;
      return { kind: "scan", id, timeoutMs, prefix, policy: policyOf(kind.value) };
    }
    case "query": {
      const { query } = kind.value;
      return { kind: "query", id, timeoutMs, query, policy: policyOf(kind.value) };
    }
    case "cancel":
      return { kind: "cancel", target: Number(kind.value) };
    case undefined:
      return { kind: "none", id, timeoutMs };
  }
}

/** The generated code reads an enum signed. */
function policyOf(message: session.Read | session.Scan | session.Query): number | undefined {
  const { consistencyPolicy } = message;
  return consistencyPolicy === undefined ? undefined : consistencyPolicy >>> 0;
}

function readResponse(message: session.SessionResponse): unknown {
  const { hello, window, results, pong, draining } = message;
  return {
    hello: hello && { nodeId: hello.nodeId },
    window: window && {
      operationsMax: window.operationsMax,
      operationBytesMax: Number(window.operationBytesMax),
      messageBytesMax: Number(window.messageBytesMax),
    },
    results: results.map(readResult),
    pong: pong === undefined ? undefined : Number(pong),
    draining,
  };
}

function readResult({ id: wideId, more, kind }: session.Result): DecodedSessionResult {
  const id = Number(wideId);
  switch (kind.case) {
    case "write": {
      const { succeeded, existed, detail: sent } = kind.value;
      const detail = sent.length === 0 ? undefined : sent;
      return {
        kind: "write",
        id,
        succeeded,
        revision: Number(kind.value.revision),
        existed,
        detail,
      };
    }
    case "query":
      return { kind: "query", id, answer: kind.value };
    case "read":
      return { kind: "read", id, more, values: kind.value.values.map(({ value }) => value) };
    case "scan": {
      const entries = kind.value.entries.map(({ key, value }) => ({ key, value }));
      return { kind: "scan", id, more, entries, revision: Number(kind.value.revision) };
    }
    case "failure": {
      const { code, message, leaderId, leaderAddress, retryAfterMs } = kind.value;
      const pause = retryAfterMs === undefined ? undefined : Number(retryAfterMs);
      return { kind: "failure", id, code, message, leaderId, leaderAddress, retryAfterMs: pause };
    }
    case undefined:
      return { kind: "none", id };
  }
}
