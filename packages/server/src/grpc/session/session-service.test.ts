import {
  type DecodedSessionResponse,
  decodeSessionResponse,
  encodeCommandResult,
  encodeKvQuery,
  encodeKvQueryResult,
  encodePut,
  encodeSessionRequest,
  type SessionOperation,
  Slab,
} from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawStream } from "../../../test/raw-stream.js";
import { startTestServer, type TestServer } from "../../../test/test-server.js";
import { responseBytesMax } from "./outbox.js";

const SESSION = "/d_engine.session.v1.SessionService/Session";
const slab = new Slab();
const utf8 = (text: string): Uint8Array => Buffer.from(text);

let test: TestServer;
let streams: RawStream[];
beforeEach(async () => {
  streams = [];
  test = await startTestServer({
    limits: { sessionOperationsMax: 100, sessionBytesMax: 4_000_000, sessionsMax: 3 },
  });
});
afterEach(async () => {
  for (const stream of streams) stream.cancel();
  await test[Symbol.asyncDispose]();
  expect(test.bugs).toEqual([]);
});

describe("a session", () => {
  it("begins with the node's id and its window", async () => {
    const { greeting } = await open();
    expect(greeting).toMatchObject({
      hello: { nodeId: 1 },
      window: { operationsMax: 100, operationBytesMax: 4_000_000, messageBytesMax: 4_194_304 },
      results: [],
    });
  });

  it("answers every operation of a message once, by its id", async () => {
    const { stream } = await open();
    stream.send(
      message(
        put(7, "k", "v"),
        { kind: "read", id: 8, timeoutMs: 0, keys: [utf8("k"), utf8("x")], policy: undefined },
        { kind: "scan", id: 9, timeoutMs: 1_000, prefix: utf8(""), policy: 2 },
      ),
    );
    const results = await resultsOf(stream, 3);
    expect(results).toEqual([
      { kind: "write", id: 7, succeeded: true, revision: 1, existed: false },
      { kind: "read", id: 8, more: false, values: [bytesOf("v"), undefined] },
      {
        kind: "scan",
        id: 9,
        more: false,
        entries: [{ key: bytesOf("k"), value: bytesOf("v") }],
        revision: 1,
      },
    ]);
    expect(test.node.seen.map(({ options }) => options.timeoutMs)).toEqual([
      undefined,
      undefined,
      expect.closeTo(1_000, -2),
    ]);
    expect(test.node.seen[2]?.options.consistency).toBe("eventual");
  });

  it("hands all operations of a message to the node within one turn, in order", async () => {
    const { stream } = await open();
    const turns: number[] = [];
    let turn = 0;
    const count = (): void => {
      turn += 1;
      if (turn < 1_000) setImmediate(count);
    };
    const seen = test.node.seen as { push: (...items: never[]) => number } & unknown[];
    const push = seen.push.bind(seen);
    Object.assign(seen, {
      push: (...items: never[]) => {
        turns.push(turn);
        return push(...items);
      },
    });
    count();
    stream.send(message(...Array.from({ length: 50 }, (_, at) => put(at + 1, `${at}`, "v"))));
    const results = await resultsOf(stream, 50);
    expect(results.map(({ id }) => id)).toEqual(Array.from({ length: 50 }, (_, at) => at + 1));
    expect(new Set(turns).size).toBe(1);
  });

  it("carries refusals with code, hint and pause", async () => {
    const { stream } = await open();
    test.node.refusal = new EngineError("RATE_LIMITED", "full", { retryAfterMs: 12.5 });
    stream.send(message(put(1, "k", "v")));
    expect(await resultsOf(stream, 1)).toMatchObject([
      { kind: "failure", id: 1, code: 4004, message: "full", retryAfterMs: 13, leaderId: 0 },
    ]);
    test.node.refusal = undefined;
    test.shared.leaderId = 2 as never;
    test.shared.members = [
      ...test.shared.members,
      { id: 2, address: "b:1", status: "active" },
    ] as never;
    stream.send(message(put(1, "k", "v")));
    expect(await resultsOf(stream, 1)).toMatchObject([
      { kind: "failure", code: 4001, leaderId: 2, leaderAddress: "b:1" },
    ]);
  });

  it.each([
    { name: "an unknown outcome", thrown: new EngineError("OUTCOME_UNKNOWN", "m"), code: 10000 },
    {
      name: "a code that reads as rejected, of unknown outcome",
      thrown: new EngineError("PROPOSE_FAILED", "m", { outcome: "unknown" }),
      code: 10000,
    },
    { name: "a failed disk", thrown: new EngineError("STORAGE_IO_ERROR", "m"), code: 3003 },
    { name: "a message with a lone surrogate", thrown: closed("\ud800"), code: 4005 },
  ])("never says of a write less than is known (rule R20): $name", async ({ thrown, code }) => {
    test.node.refusal = thrown;
    const { stream } = await open();
    stream.send(message(put(1, "k", "v")));
    expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "failure", id: 1, code }]);
  });

  it("answers what it does not know with UNIMPLEMENTED, and goes on", async () => {
    const { stream } = await open();
    // Operation { id: 5, field 30: "" }
    stream.send(Buffer.from("0a05" + "0805" + "f20100", "hex"));
    expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "failure", id: 5, code: 10001 }]);
    stream.send(message(put(5, "k", "v")));
    expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "write", id: 5 }]);
  });

  it.each([
    { name: "an empty write", operation: { kind: "write", command: new Uint8Array(0) } },
    {
      name: "a query that is none",
      operation: { kind: "query", query: utf8("?"), policy: undefined },
    },
    { name: "a level that is none", operation: { kind: "read", keys: [utf8("k")], policy: 9 } },
    {
      name: "a read of too many keys",
      operation: { kind: "read", keys: Array(10_001).fill(utf8("k")), policy: undefined },
    },
  ])("refuses $name as INVALID_REQUEST", async ({ operation }) => {
    const { stream } = await open();
    stream.send(message({ id: 1, timeoutMs: 0, ...operation } as SessionOperation));
    expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "failure", code: 4003 }]);
  });

  it("answers a query, and a write with what it did", async () => {
    test.node.queryResult = { kind: "leases", ids: [5, 6] };
    test.node.outcome = { detail: { kind: "deleted", deleted: 3 } };
    const { stream } = await open();
    const query = encodeKvQuery({ kind: "leaseList" });
    stream.send(
      message({ kind: "query", id: 4, timeoutMs: 0, query, policy: 1 }, put(5, "k", "v")),
    );
    const results = await resultsOf(stream, 2);
    const answer = encodeKvQueryResult({ kind: "leases", ids: [5, 6] });
    const detail = encodeCommandResult({ kind: "deleted", deleted: 3 });
    expect(results).toContainEqual({ kind: "query", id: 4, answer: Buffer.from(answer) });
    expect(results).toContainEqual(
      expect.objectContaining({ kind: "write", id: 5, detail: Buffer.from(detail) }),
    );
    expect(test.node.queries).toEqual([{ kind: "leaseList" }]);
    expect(test.node.seen[0]?.options.consistency).toBe("linearizable");
  });

  it.each([
    { code: "COMPACTED", number: 10_007 },
    { code: "LEASE_NOT_FOUND", number: 10_008 },
    { code: "LEASE_EXISTS", number: 10_009 },
    { code: "SESSION_EXPIRED", number: 10_010 },
  ] as const)("answers $code by its own number (R20)", async (sent) => {
    test.node.refusal = new EngineError(sent.code, "no");
    const { stream } = await open();
    const query = encodeKvQuery({ kind: "leaseList" });
    stream.send(
      message(put(1, "k", "v"), { kind: "query", id: 2, timeoutMs: 0, query, policy: 1 }),
    );
    const failure = { kind: "failure", code: sent.number };
    expect(await resultsOf(stream, 2)).toMatchObject([failure, failure]);
  });

  it("answers pings while operations hang", async () => {
    test.node.hangs = true;
    const { stream } = await open();
    stream.send(encodeSessionRequest({ operations: [put(1, "k", "v")], ping: 77 }));
    expect(await responseOf(stream)).toMatchObject({ pong: 77, results: [] });
  });

  it("ends well once the client has ended and has its answers", async () => {
    const { stream } = await open();
    stream.send(message(put(1, "k", "v")));
    stream.end();
    expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "write" }]);
    expect(await stream.next()).toBe("OK: OK");
  });
});

describe("cancellation", () => {
  it("ends the operation at the node, and answers it all the same", async () => {
    test.node.hangs = true;
    const { stream } = await open();
    stream.send(message(put(1, "k", "v"), put(2, "k", "v")));
    await expect.poll(() => test.node.seen.length).toBe(2);
    stream.send(message({ kind: "cancel", target: 2 }, { kind: "cancel", target: 99 }));
    expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "failure", id: 2, code: 10000 }]);
    expect(test.node.seen[0]?.options.signal?.aborted).toBe(false);
    expect(test.node.seen[1]?.options.signal?.aborted).toBe(true);
  });

  it("of the whole stream ends everything that it waited for", async () => {
    test.node.hangs = true;
    const { stream } = await open();
    const scans = [1, 2, 3, 4, 5, 6].map((id) => scan(id));
    stream.send(message(put(10, "k", "v"), read(11), ...scans));
    await expect.poll(() => test.node.seen.length).toBe(2 + 4);
    stream.cancel();
    await expect
      .poll(() => test.node.seen.map(({ options }) => options.signal?.aborted))
      .toEqual(expect.not.arrayContaining([false]));
  });
});

describe("bounds (scenario 78)", () => {
  it.each([
    { name: "operations", operations: many(101), bound: /window of 100 operations/ },
    {
      name: "bytes",
      operations: [put(1, "k", "v".repeat(2_000_000)), put(2, "k", "v".repeat(2_000_000))],
      bound: /window of 4000000 bytes/,
    },
  ])("a client that exceeds its window of $name loses the stream, and no other does", async (c) => {
    test.node.hangs = true;
    const other = await open();
    other.stream.send(message(put(1, "k", "v")));
    const { stream } = await open();
    for (const operation of c.operations) stream.send(message(operation));
    const end = await stream.next();
    expect(end).toMatch(/^RESOURCE_EXHAUSTED/);
    expect(end).toMatch(c.bound);
    expect(test.node.seen.length).toBeLessThanOrEqual(c.operations.length);
    test.node.hangs = false;
    other.stream.send(message(put(2, "k", "v")));
    expect(await resultsOf(other.stream, 1)).toMatchObject([{ kind: "write", id: 2 }]);
  });

  it("a window that is full of answered operations has room again", async () => {
    const { stream } = await open();
    for (let round = 0; round < 3; round += 1) {
      stream.send(message(put(1, "k", "v".repeat(3_000_000))));
      expect(await resultsOf(stream, 1)).toMatchObject([{ kind: "write" }]);
    }
    for (let round = 0; round < 3; round += 1) {
      stream.send(message(...many(100)));
      expect(await resultsOf(stream, 100)).toHaveLength(100);
    }
  });

  it.each([
    { name: "bytes that are no message", bytes: Buffer.from("ffffffff", "hex") },
    {
      name: "a second operation that is cut short",
      bytes: Buffer.from("0a020801" + "0a05", "hex"),
    },
    { name: "an operation without an id", bytes: message(put(0, "k", "v")) },
    { name: "an id twice in a message", bytes: message(put(1, "k", "v"), put(1, "k", "v")) },
    { name: "too many operations in a message", bytes: message(...many(101)) },
  ])("a message with $name has no effect and ends the stream", async ({ bytes }) => {
    const { stream } = await open();
    stream.send(bytes);
    expect(await stream.next()).toMatch(/^(INVALID_ARGUMENT|RESOURCE_EXHAUSTED): /);
    expect(test.node.seen).toEqual([]);
    const next = await open();
    next.stream.send(message(put(1, "k", "v")));
    expect(await resultsOf(next.stream, 1)).toMatchObject([{ kind: "write" }]);
  });

  it("an id that is still unanswered must not come again", async () => {
    test.node.hangs = true;
    const { stream } = await open();
    stream.send(message(put(1, "k", "v")));
    stream.send(message(put(1, "k", "w")));
    expect(await stream.next()).toMatch(/^INVALID_ARGUMENT: .*operation 1 is unanswered/);
  });

  it("more sessions than allowed are refused, until one ends", async () => {
    const [first] = [await open(), await open(), await open()];
    const refused = connectTo();
    expect(await refused.next()).toMatch(/^RESOURCE_EXHAUSTED: 3 sessions/);
    first?.stream.cancel();
    await expect.poll(async () => typeof (await connectTo().next())).toBe("object");
  });

  it("a long scan comes in parts, and what is short overtakes it", async () => {
    const value = new Uint8Array(100_000).fill(1);
    for (let at = 0; at < 60; at += 1) test.shared.data.set(`${10 + at}`, value);
    const { stream } = await open();
    stream.send(message(scan(1), put(2, "k", "v")));
    const messages: DecodedSessionResponse[] = [];
    for (let done = false; !done; ) {
      const raw = (await stream.next()) as Buffer;
      expect(raw.length).toBeLessThan(responseBytesMax + 200_000);
      const response = decodeSessionResponse(raw, slab);
      messages.push(response);
      done = response.results.some((result) => result.kind === "scan" && !result.more);
    }
    const results = messages.flatMap((response) => response.results);
    const entries = results.flatMap((one) => (one.kind === "scan" ? one.entries : []));
    expect(entries.map(({ key }) => Number(key.toString()))).toHaveLength(60);
    expect(new Set(entries.map(({ key }) => Buffer.from(key).toString())).size).toBe(60);
    const putAt = results.findIndex(({ kind }) => kind === "write");
    expect(putAt).toBeGreaterThanOrEqual(0);
    expect(putAt).toBeLessThan(results.length - 1);
  });

  it("who does not read answers is not read from either, and loses nothing", async () => {
    test.shared.data.set("big", new Uint8Array(200_000).fill(1));
    const { stream } = await open();
    stream.pause();
    const ask = (from: number, to: number): void => {
      for (let id = from; id < to; id += 1)
        stream.send(message({ ...read(id), keys: [utf8("big")] }));
    };
    ask(1, 21);
    await expect.poll(() => test.node.seen.length).toBe(20);
    const other = (await open()).stream;
    await roundTrips(other);
    ask(21, 91);
    const others = await roundTrips(other);
    expect(test.node.seen.length).toBe(20 + 2 * others);
    stream.resume();
    const results = await resultsOf(stream, 90);
    expect(results.map(({ id }) => id)).toEqual(Array.from({ length: 90 }, (_, at) => at + 1));
  });
});

it("a server that stops finishes what it has, and refuses what still comes", async () => {
  test.node.hangs = true;
  const { stream } = await open();
  stream.send(message(put(1, "k", "v")));
  await expect.poll(() => test.node.seen.length).toBe(1);
  const closing = test.server.close();
  expect(await responseOf(stream)).toMatchObject({ draining: true });
  test.node.hangs = false;
  stream.send(message(put(2, "k", "v"), { kind: "cancel", target: 1 }));
  expect(await resultsOf(stream, 2)).toMatchObject([
    { kind: "failure", id: 2, code: 4005 },
    { kind: "failure", id: 1, code: 10000 },
  ]);
  stream.end();
  expect(await stream.next()).toBe("OK: OK");
  await closing;
});

async function open(): Promise<{ stream: RawStream; greeting: DecodedSessionResponse }> {
  const stream = connectTo();
  return { stream, greeting: await responseOf(stream) };
}

function connectTo(): RawStream {
  const stream = new RawStream(test.server.address, SESSION);
  streams.push(stream);
  return stream;
}

async function responseOf(stream: RawStream): Promise<DecodedSessionResponse> {
  const event = await stream.next();
  if (typeof event === "string") expect.fail(`the stream ended: ${event}`);
  return decodeSessionResponse(event, slab);
}

async function resultsOf(stream: RawStream, count: number) {
  const results: DecodedSessionResponse["results"][number][] = [];
  while (results.length < count) results.push(...(await responseOf(stream)).results);
  return results;
}

/** Lets the server look at all of its connections many times; answers with the number of reads. */
async function roundTrips(stream: RawStream): Promise<number> {
  const count = 20;
  for (let id = 1; id <= count; id += 1) {
    stream.send(message(read(id)));
    await resultsOf(stream, 1);
  }
  return count;
}

function message(...operations: SessionOperation[]): Uint8Array {
  return encodeSessionRequest({ operations });
}

function put(id: number, key: string, value: string): SessionOperation {
  return { kind: "write", id, timeoutMs: 0, command: encodePut(slab, utf8(key), utf8(value)) };
}

function read(id: number): Extract<SessionOperation, { readonly kind: "read" }> {
  return { kind: "read", id, timeoutMs: 0, keys: [utf8("k")], policy: undefined };
}

function scan(id: number): SessionOperation {
  return { kind: "scan", id, timeoutMs: 0, prefix: utf8(""), policy: undefined };
}

function many(count: number): SessionOperation[] {
  return Array.from({ length: count }, (_, at) => put(at + 1, "k", "v"));
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(utf8(text));
}

function closed(message: string): EngineError {
  return new EngineError("CLOSED", message);
}
