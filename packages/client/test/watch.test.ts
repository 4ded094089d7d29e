import { isEngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { follow } from "../../server/src/driver/testing/outcome.js";
import { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import {
  connectLazilyOver,
  type RemoteClient,
  type Watch,
  type WatchBatch,
  type WatchEvent,
  type WatchInput,
  type WatchOutput,
} from "../src/index.js";
import { type OpenedStream, ScriptedStreams } from "./scripted-streams.js";

const endpoints = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"];
const timeoutMs = 4_000;

let clock: VirtualClock;
let network: ScriptedStreams;
let client: RemoteClient;

beforeEach(() => {
  clock = new VirtualClock();
  network = new ScriptedStreams(clock);
  const ports = { transport: network, clock, random: { next: () => 0 } };
  client = connectLazilyOver(ports, endpoints, { timeoutMs });
});

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const put = (revision: number): WatchEvent => ({
  kind: "put",
  revision,
  record: {
    key: bytes("k"),
    value: bytes(String(revision)),
    createRevision: 1,
    modRevision: revision,
    version: revision,
    lease: 0,
  },
  previous: undefined,
});
const events = (id: number, ...revisions: number[]): WatchOutput => ({
  kind: "events",
  id,
  events: revisions.map(put),
  revision: revisions.at(-1) ?? 0,
  bytes: 10,
});
const say = (output: WatchOutput, to: OpenedStream = network.last) =>
  (to as OpenedStream<"watch">).stream.received(output, 10);
const lose = () => network.last.stream.ended({ kind: "lost", message: "cut" });
const creations = () =>
  network.last.sent.filter((input): input is WatchInput & { kind: "create" } => {
    return input.kind === "create";
  });
const revisionsOf = ({ value }: IteratorResult<WatchBatch, undefined>) =>
  value?.events.map(({ revision }) => revision);

/** The next batch, in as much time as it needs. */
async function next(watch: Watch): Promise<readonly number[] | undefined> {
  const given = watch.next();
  const standing = follow(given);
  await clock.advanceUntil(() => standing().kind !== "pending");
  return revisionsOf(await given);
}

/** Lets nodes answer as they should: each watch begins where it was asked to. */
function serveFrom(revision: number): void {
  network.onSend = (stream, input) => {
    if (input.kind !== "create") return;
    const begins = input.startRevision === 0 ? revision : input.startRevision - 1;
    say({ kind: "created", id: input.id, revision: begins }, stream);
  };
}

describe("RemoteClient.watch", () => {
  it("asks for the selected keys, and says where it begins", async () => {
    serveFrom(7);
    const one = client.watch("k", { previous: true, only: "delete" });
    const many = client.watch({ prefix: "a/" });
    const range = client.watch({ start: "b" }, { fromRevision: 3 });
    expect(await Promise.all([one.ready(), many.ready(), range.ready()])).toEqual([7, 7, 2]);
    const both = { previous: false, noPut: false, noDelete: false };
    expect(creations()).toMatchObject([
      { key: bytes("k"), rangeEnd: undefined, previous: true, noPut: true, noDelete: false },
      { key: bytes("a/"), rangeEnd: bytes("a0"), startRevision: 0, ...both },
      { key: bytes("b"), rangeEnd: new Uint8Array(0), startRevision: 3, ...both },
    ]);
    expect(network.opened).toHaveLength(1);
    expect([one.revision, range.revision]).toEqual([7, 2]);
  });

  it("hands out batches as they come, each to its watch, and bookmarks behind them (W1, W6)", async () => {
    serveFrom(0);
    const [first, second] = [client.watch("k"), client.watch("l")];
    await clock.turn();
    say(events(1, 1, 2));
    say(events(2, 3));
    say({ kind: "progress", id: 1, revision: 9 });
    await clock.turn();
    expect(first.revision).toBe(0);
    expect(await next(first)).toEqual([1, 2]);
    expect(first.revision).toBe(9);
    expect(await next(second)).toEqual([3]);
    say({ kind: "progress", id: 2, revision: 12 });
    await clock.turn();
    expect(second.revision).toBe(12);
  });

  it("goes on at another node behind what it has received, without gap or repeat (W2, W3, W5)", async () => {
    serveFrom(4);
    const watch = client.watch("k");
    await watch.ready();
    say(events(1, 5));
    say(events(1, 6));
    await clock.turn();
    lose();
    await clock.advance(100);
    expect(network.opened.map(({ address }) => address)).toEqual(endpoints.slice(0, 2));
    expect(creations()).toMatchObject([{ id: 2, startRevision: 7 }]);
    say(events(2, 5, 6, 7)); // a node that begins too early
    say(events(1, 99)); // of a watch that is no more
    expect([await next(watch), await next(watch), await next(watch)]).toEqual([[5], [6], [7]]);
    expect(watch.revision).toBe(7);
  });

  it("goes on behind a bookmark, where nothing was to be handed out", async () => {
    serveFrom(4);
    const watch = client.watch("k");
    await watch.ready();
    say({ kind: "progress", id: 1, revision: 40 });
    await clock.turn();
    lose();
    await clock.advance(100);
    expect(creations()).toMatchObject([{ startRevision: 41 }]);
    expect(watch.revision).toBe(40);
  });

  it("says so instead of leaving something out, when a node begins too late (W9)", async () => {
    const watch = client.watch("k", { fromRevision: 5 });
    await clock.turn();
    say({ kind: "created", id: 1, revision: 9 });
    await expect(watch.next()).rejects.toMatchObject({ code: "INVALID_RESPONSE" });
    await expect(watch.ready()).rejects.toMatchObject({ code: "INVALID_RESPONSE" });
  });

  it("ends with COMPACTED behind what it has received, and alone (W9)", async () => {
    serveFrom(0);
    const [watch, other] = [client.watch("k"), client.watch("k")];
    await clock.turn();
    say(events(1, 1));
    const message = "the oldest revision left is 50";
    say({ kind: "canceled", id: 1, code: 10_007, message, oldestRevision: 50 });
    say(events(2, 1));
    expect(await next(watch)).toEqual([1]);
    await expect(watch.next()).rejects.toMatchObject({
      code: "COMPACTED",
      message,
      oldestRevision: 50,
    });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(await next(other)).toEqual([1]);
    expect(network.opened).toHaveLength(1);
  });

  it("comes back by itself when the node's buffer was full", async () => {
    serveFrom(0);
    const watch = client.watch("k");
    await clock.turn();
    say(events(1, 1));
    say({ kind: "canceled", id: 1, code: 5_001, message: "too slow" });
    await clock.advance(200);
    expect(creations()).toMatchObject([{ id: 1 }, { id: 2, startRevision: 2 }]);
    say(events(2, 2));
    expect([await next(watch), await next(watch)]).toEqual([[1], [2]]);
  });

  it("leaves a node that is shutting down, with all watches", async () => {
    serveFrom(0);
    const watches = [client.watch("k"), client.watch("l")];
    await Promise.all(watches.map((watch) => watch.ready()));
    say({ kind: "canceled", id: 1, code: 4_005, message: "shutting down" });
    await clock.advance(100);
    expect(network.opened).toHaveLength(2);
    expect(creations()).toMatchObject([{ startRevision: 1 }, { startRevision: 1 }]);
  });

  it("gives a slow reader what it missed from the history, and the others no delay", async () => {
    serveFrom(0);
    const [slow, fast] = [client.watch("k"), client.watch("k")];
    await clock.turn();
    for (let revision = 1; revision <= 1_001; revision += 1) {
      say(events(1, revision));
      say(events(2, revision));
      expect(await next(fast)).toEqual([revision]);
    }
    expect(network.last.sent.filter(({ kind }) => kind === "cancel")).toEqual([
      { kind: "cancel", id: 1 },
    ]);
    for (let revision = 1; revision <= 999; revision += 1) {
      expect(revisionsOf(await slow.next())).toEqual([revision]);
    }
    expect(creations()).toHaveLength(2);
    expect(await next(slow)).toEqual([1_000]);
    expect(creations().at(-1)).toMatchObject({ id: 3, startRevision: 1_001 });
    say(events(3, 1_001));
    expect(await next(slow)).toEqual([1_001]);
  });

  it("waits with the next stream while all readers are behind", async () => {
    serveFrom(0);
    const slow = client.watch("k");
    await clock.turn();
    for (let revision = 1; revision <= 1_000; revision += 1) say(events(1, revision));
    await clock.turn();
    lose();
    await clock.advance(60_000);
    expect(network.opened).toHaveLength(1);
    for (let revision = 1; revision <= 1_000; revision += 1) await slow.next();
    await clock.advance(100);
    expect(creations()).toMatchObject([{ startRevision: 1_001 }]);
  });

  it("asks a silent node for progress, and leaves it when that stays away", async () => {
    serveFrom(3);
    const watch = client.watch("k");
    await watch.ready();
    await clock.advance(6_000);
    expect(network.last.sent).toContainEqual({ kind: "progress", id: 1 });
    say({ kind: "progress", id: 1, revision: 3 });
    await clock.advance(9_000);
    expect(network.opened).toHaveLength(1);
    await clock.advance(5_000);
    expect(network.opened[0]?.canceled()).toBe(true);
    expect(network.opened.length).toBeGreaterThan(1);
  });

  it("says so when nobody answers for its time, and to every watch", async () => {
    network.onOpen = ({ stream }) => stream.ended({ kind: "unreachable", message: "down" });
    const watches = [client.watch("k"), client.watch("l", { fromRevision: 2 })];
    const ends = watches.map((watch) => follow(watch.next()));
    await clock.advance(timeoutMs + 100);
    for (const end of ends) expect(end()).toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
    expect(clock.pending).toBe(0);
    network.onOpen = () => undefined;
    serveFrom(5);
    expect(await client.watch("k").ready()).toBe(5);
  });

  it.each(["break", "throw", "signal", "close"])("is released by %s", async (how) => {
    serveFrom(0);
    const abort = new AbortController();
    const watch = client.watch("k", { signal: abort.signal });
    const loop = async () => {
      for await (const _ of watch) {
        if (how === "break") break;
        if (how === "throw") throw new Error("out");
        if (how === "signal") abort.abort(new Error("out"));
        else void client.close();
      }
      return "over";
    };
    const ended = loop().catch((error: Error) => error.message);
    await clock.turn();
    say(events(1, 1));
    expect(await ended).toBe(how === "throw" || how === "signal" ? "out" : "over");
    await clock.advance(1_000);
    expect(network.last.canceled()).toBe(true);
    expect([network.opened.length, clock.pending]).toEqual([1, 0]);
    if (how === "close") expect(() => client.watch("k")).toThrow(/closed/);
  });

  it.each([
    { name: "an empty range", selection: { start: "b", end: "a" } },
    { name: "no selection", selection: 7 as unknown as string },
    { name: "revision 0", selection: "k", fromRevision: 0 },
  ])("refuses $name at once", ({ selection, ...options }) => {
    let error: unknown;
    try {
      client.watch(selection, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(isEngineError(error, "INVALID_REQUEST")).toBe(true);
    expect(network.opened).toEqual([]);
  });
});
