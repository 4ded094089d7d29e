import {
  type CommandResult,
  decodeKvQuery,
  decodeWriteCommand,
  encodeCommandResult,
  type KvPair,
  type KvQuery,
  type KvQueryResult,
  type WriteCommand,
} from "@d-engine/codec";
import { beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import {
  connectLazilyOver,
  type KeyRange,
  type RemoteClient,
  type TransportAnswer,
  type TransportFailure,
  type TransportMethod,
  type TransportRequest,
  type TransportRequestOf,
} from "../src/index.js";
import { ScriptedStreams } from "./scripted-streams.js";

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const pair = (key: string, modRevision = 5): KvPair => ({
  key: bytes(key),
  value: bytes(`value of ${key}`),
  createRevision: 1,
  modRevision,
  version: 2,
  lease: 0,
});
const rangeOf = (keys: readonly string[], rest: Partial<KeyRange> = {}): KvQueryResult => ({
  kind: "range",
  entries: keys.map((key) => pair(key)),
  count: keys.length,
  more: false,
  revision: 9,
  ...rest,
});

/** A network of nodes that answer queries and commands as a test says. */
class ScriptedCalls extends ScriptedStreams {
  readonly queries: KvQuery[] = [];
  readonly commands: WriteCommand[] = [];
  readonly asked: { readonly address: string; readonly request: TransportRequest }[] = [];
  results: KvQueryResult[] = [];
  detail: CommandResult | undefined;
  failures: TransportFailure[] = [];

  override async call<Method extends TransportMethod>(
    address: string,
    request?: TransportRequestOf<Method>,
  ): Promise<TransportAnswer<Method>> {
    const asked = request as TransportRequest;
    this.asked.push({ address, request: asked });
    const failure = this.failures.shift();
    if (failure !== undefined) return { kind: "failed", failure };
    return { kind: "answered", result: this.#resultOf(asked) } as TransportAnswer<Method>;
  }

  #resultOf(request: TransportRequest): unknown {
    if (request.kind === "query") {
      this.queries.push(decodeKvQuery(request.query));
      return this.results.shift();
    }
    if (request.kind !== "write") throw new Error(`unexpected ${request.kind}`);
    const command = decodeWriteCommand(request.command);
    if (command.kind === "none") throw new Error("a command of no kind");
    this.commands.push(command);
    const detail = this.detail && encodeCommandResult(this.detail);
    return { succeeded: true, revision: 12, existed: false, detail };
  }
}

let network: ScriptedCalls;
let client: RemoteClient;
beforeEach(() => {
  const clock = new VirtualClock();
  network = new ScriptedCalls(clock);
  const ports = { transport: network, clock, random: { next: () => 0 } };
  client = connectLazilyOver(ports, ["127.0.0.1:1", "127.0.0.1:2"], { session: false });
});

describe("range", () => {
  const plain = { limit: 0, revision: 0, keysOnly: false, countOnly: false, descending: false };

  it.each([
    { name: "a key", keys: "k", asks: { key: bytes("k"), rangeEnd: undefined } },
    { name: "a prefix", keys: { prefix: "a/" }, asks: { key: bytes("a/"), rangeEnd: bytes("a0") } },
    {
      name: "a prefix that ends with the last byte",
      keys: { prefix: Uint8Array.of(1, 255, 255) },
      asks: { key: Uint8Array.of(1, 255, 255), rangeEnd: Uint8Array.of(2) },
    },
    {
      name: "a prefix with nothing behind it",
      keys: { prefix: Uint8Array.of(255) },
      asks: { key: Uint8Array.of(255), rangeEnd: new Uint8Array(0) },
    },
    {
      name: "every key",
      keys: { prefix: "" },
      asks: { key: Uint8Array.of(0), rangeEnd: new Uint8Array(0) },
    },
    {
      name: "from start to end",
      keys: { start: "a", end: "b" },
      asks: { key: bytes("a"), rangeEnd: bytes("b") },
    },
  ])("asks for $name", async ({ keys, asks }) => {
    network.results = [rangeOf(["k"])];
    const { entries, ...rest } = await client.range(keys);
    expect(network.queries).toEqual([{ kind: "range", ...asks, ...plain }]);
    expect(entries).toEqual([pair("k")]);
    expect(rest).toEqual({ count: 1, more: false, revision: 9 });
  });

  it("asks for a part, an order, keys or a count alone, of a revision, at a level", async () => {
    network.results = [rangeOf([])];
    const shape = { limit: 3, order: "descending", keysOnly: true, countOnly: true } as const;
    await client.range("k", { ...shape, revision: 4, consistency: "eventual" });
    const asked = { limit: 3, descending: true, keysOnly: true, countOnly: true, revision: 4 };
    expect(network.queries).toMatchObject([asked]);
    expect(network.asked).toMatchObject([{ request: { consistency: "eventual" } }]);
  });

  it.each([
    { name: "limit 0", options: { limit: 0 }, keys: "k" },
    { name: "revision 0.5", options: { revision: 0.5 }, keys: "k" },
    { name: "an empty range", options: {}, keys: { start: "b", end: "b" } },
  ])("refuses $name before anything is sent", async ({ options, keys }) => {
    await expect(client.range(keys, options)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    expect(network.asked).toEqual([]);
  });

  it("is repeated at another node, as any read", async () => {
    network.failures = [{ kind: "lost", message: "cut" }];
    network.results = [rangeOf(["k"])];
    const reading = client.range("k", { consistency: "eventual" });
    await network.clock.advance(1_000);
    expect((await reading).entries).toHaveLength(1);
    expect(new Set(network.asked.map(({ address }) => address)).size).toBe(2);
  });

  it.each([
    { order: "ascending", second: { key: bytes("k2\0"), rangeEnd: bytes("l") } },
    { order: "descending", second: { key: bytes("k"), rangeEnd: bytes("k2") } },
  ] as const)(
    "pages go on behind the last key, on the revision of the first: $order",
    async ({ order, second }) => {
      network.results = [rangeOf(["k1", "k2"], { more: true }), rangeOf(["k3"])];
      const seen: number[] = [];
      for await (const { entries } of client.pages({ prefix: "k" }, { limit: 2, order })) {
        seen.push(entries.length);
      }
      expect(seen).toEqual([2, 1]);
      expect(network.queries).toMatchObject([
        { revision: 0, limit: 2 },
        { revision: 9, limit: 2, ...second },
      ]);
    },
  );

  it("pages say COMPACTED when their revision is given up meanwhile", async () => {
    network.results = [rangeOf(["k1"], { more: true })];
    const pages = client.pages({ prefix: "k" }, { limit: 1 });
    await pages.next();
    network.failures = [{ kind: "refused", code: "COMPACTED", message: "the oldest is 11" }];
    await expect(pages.next()).rejects.toMatchObject({ code: "COMPACTED" });
  });
});

describe("txn", () => {
  it("sends conditions and steps as one command, and gives back what each step did", async () => {
    network.detail = {
      kind: "txn",
      succeeded: true,
      results: [
        { kind: "put" },
        { kind: "deleted", deleted: 3 },
        { kind: "range", entries: [pair("k")], count: 1, more: false, revision: 12 },
        { kind: "txn", succeeded: false, results: [] },
      ],
    };
    const result = await client
      .txn()
      .if({ key: "a", value: "1" }, { key: "b", exists: false })
      .if({ key: "c", version: { greater: 4 } }, { key: { prefix: "d" }, lease: { notEqual: 0 } })
      .then({ kind: "put", key: "k", value: "v", ttlMs: 50 }, { kind: "delete", keys: "x" })
      .then(
        { kind: "range", keys: { prefix: "k" }, limit: 1 },
        { kind: "txn", if: [{ key: "e", exists: true }] },
      )
      .else({ kind: "put", key: "k", value: "w", lease: 6 })
      .commit();
    expect(result).toEqual({
      succeeded: true,
      revision: 12,
      results: [
        { kind: "put" },
        { kind: "delete", deleted: 3 },
        { kind: "range", entries: [pair("k")], count: 1, more: false, revision: 12 },
        { kind: "txn", succeeded: false, results: [] },
      ],
    });
    expect(network.commands).toMatchObject([
      {
        kind: "txn",
        compares: [
          { key: bytes("a"), target: "value", result: "equal", value: bytes("1") },
          { key: bytes("b"), target: "createRevision", result: "equal", number: 0 },
          { key: bytes("c"), target: "version", result: "greater", number: 4 },
          { key: bytes("d"), rangeEnd: bytes("e"), target: "lease", result: "notEqual" },
        ],
        success: [
          { kind: "leasePut", key: bytes("k"), value: bytes("v"), lease: 0, ttlMs: 50 },
          { kind: "deleteRange", key: bytes("x"), rangeEnd: undefined },
          { kind: "range", key: bytes("k"), limit: 1, revision: 0 },
          { kind: "txn", compares: [{ target: "createRevision", result: "notEqual" }] },
        ],
        failure: [{ kind: "leasePut", lease: 6, ttlMs: 0 }],
      },
    ]);
  });

  it("is a value: what is made of it does not change it, nor do arrays of the caller", async () => {
    network.detail = { kind: "txn", succeeded: true, results: [] };
    const base = client.txn().if({ key: "a", exists: true });
    base.then({ kind: "delete", keys: "a" });
    await base.commit();
    expect(network.commands).toMatchObject([{ success: [], failure: [] }]);
  });

  it("of unknown outcome is not sent twice (C2)", async () => {
    network.failures = [{ kind: "lost", message: "cut" }];
    await expect(client.txn().commit()).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
    expect(network.asked).toHaveLength(1);
  });

  it("says that it may have happened when its result is missing", async () => {
    const expected = { code: "INVALID_RESPONSE", outcome: "unknown" };
    await expect(client.txn().commit()).rejects.toMatchObject(expected);
  });

  it.each<{ name: string; condition: object; says: RegExp }>([
    { name: "no test", condition: { key: "k" }, says: /condition 1 must test exactly one/ },
    { name: "two", condition: { key: "k", version: 1, exists: true }, says: /exactly one/ },
    { name: "an unknown one", condition: { key: "k", age: 1 }, says: /cannot test age/ },
    { name: "a bad number", condition: { key: "k", lease: -1 }, says: /lease is compared/ },
    { name: "a bad way", condition: { key: "k", version: { above: 1 } }, says: /got above/ },
  ])("refuses a condition with $name where it is written", ({ condition, says }) => {
    expect(() => client.txn().if(condition as never)).toThrow(says);
  });

  it("says what is missing when a builder is awaited", async () => {
    const awaited = async () => await (client.txn() as unknown as Promise<void>);
    await expect(awaited()).rejects.toThrow(/end with commit\(\)/);
  });
});

describe("other commands", () => {
  it("delete a range and compact", async () => {
    network.detail = { kind: "deleted", deleted: 4 };
    expect(await client.deleteRange({ prefix: "a" })).toBe(4);
    network.detail = undefined;
    await client.compact(7);
    expect(network.commands).toMatchObject([
      { kind: "deleteRange", key: bytes("a"), rangeEnd: bytes("b") },
      { kind: "compact", revision: 7 },
    ]);
    await expect(client.compact(0)).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });
});
