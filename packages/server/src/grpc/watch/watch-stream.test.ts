import { EngineError } from "@d-engine/core";
import { create, fromBinary, kvService, type MessageInitShape, toBinary } from "@d-engine/proto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RawStream } from "../../../test/raw-stream.js";
import { startWatchedServer, type WatchedServer } from "../../../test/watched-server.js";

const WATCH = "/d_engine.kv.v1.KvService/Watch";

let test: WatchedServer;
let streams: RawStream[];
beforeEach(async () => {
  streams = [];
  test = await startWatchedServer({ watchEventsMax: 100 });
});
afterEach(async () => {
  for (const stream of streams) stream.cancel();
  await test[Symbol.asyncDispose]();
  await expect.poll(() => test.hub.metrics().watches).toBe(0);
  expect(test.bugs).toEqual([]);
});

describe("a stream of watches", () => {
  it("tells where each begins, and then its events, whole revisions together (W4)", async () => {
    test.log.put("k", "1");
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k"), startRevision: 1n, prevKv: true });
    expect(await responseOf(stream)).toEqual([1n, "created", { revision: 0n }]);
    const [, kind, first] = await responseOf(stream);
    expect([kind, first]).toMatchObject([
      "events",
      {
        revision: 1n,
        events: [
          {
            deleted: false,
            kv: {
              key: bytes("k"),
              value: bytes("1"),
              createRevision: 1n,
              modRevision: 1n,
              version: 1n,
            },
          },
        ],
      },
    ]);
    createWatch(stream, { id: 2n, key: bytes("a"), rangeEnd: bytes("z") });
    expect(await responseOf(stream)).toEqual([2n, "created", { revision: 1n }]);
    test.log.change(["a", "x"], ["k", undefined]);
    const both = [await responseOf(stream), await responseOf(stream)];
    expect(both.map(([id]) => id).sort()).toEqual([1n, 2n]);
    expect(both.find(([id]) => id === 1n)?.[2]).toMatchObject({
      revision: 2n,
      events: [
        {
          deleted: true,
          kv: { key: bytes("k"), value: new Uint8Array(0), modRevision: 2n, createRevision: 0n },
          prevKv: { key: bytes("k"), value: bytes("1"), modRevision: 1n },
        },
      ],
    });
    expect(both.find(([id]) => id === 2n)?.[2]).toMatchObject({
      revision: 2n,
      events: [{ deleted: false }, { deleted: true }],
    });
  });

  it("says what its watches have at the same time in one message, where that was asked for", async () => {
    const stream = open();
    const ids = [1n, 2n, 3n];
    for (const id of ids) createWatch(stream, { id, key: bytes("k"), joined: id > 1n });
    for (const _ of ids) await responseOf(stream);
    test.log.put("k", "1");
    const { more, ...first } = await messageOf(stream);
    expect(more.map(({ id, response }) => [id, response])).toEqual([
      [2n, first.response],
      [3n, first.response],
    ]);
    const split = open();
    for (const id of ids) createWatch(split, { id, key: bytes("k") });
    for (const _ of ids) await responseOf(split);
    test.log.put("k", "2");
    for (const id of ids) expect((await responseOf(split))[0]).toBe(id);
  });

  it("keeps to the filters, and to an end of the range that is open (W8)", async () => {
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k"), rangeEnd: bytes(""), noPut: true });
    createWatch(stream, { id: 2n, key: bytes("k"), rangeEnd: bytes(""), noDelete: true });
    await responseOf(stream);
    await responseOf(stream);
    test.log.put("\u00ff\u00ff", "1");
    expect(await responseOf(stream)).toMatchObject([2n, "events", { revision: 1n }]);
    test.log.delete("\u00ff\u00ff");
    expect(await responseOf(stream)).toMatchObject([1n, "events", { revision: 2n }]);
  });

  it("tells of progress on request, and by itself where that is wanted", async () => {
    await restart({ watchProgressMs: 20 });
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k") });
    await responseOf(stream);
    test.log.put("other");
    send(stream, { case: "progress", value: 1n });
    send(stream, { case: "progress", value: 99n });
    expect(await responseOf(stream)).toEqual([1n, "progress", 1n]);
    createWatch(stream, { id: 2n, key: bytes("k"), progress: true });
    expect(await responseOf(stream)).toEqual([2n, "created", { revision: 1n }]);
    expect(await responseOf(stream)).toEqual([2n, "progress", 1n]);
  });

  it("cancels a watch that is not wanted, and its id is free again", async () => {
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k") });
    await responseOf(stream);
    send(stream, { case: "cancel", value: 1n });
    send(stream, { case: "cancel", value: 1n });
    const nothing = { code: 0, message: "", compactRevision: 0n };
    expect(await responseOf(stream)).toEqual([1n, "canceled", nothing]);
    expect(test.hub.metrics().watches).toBe(0);
    createWatch(stream, { id: 1n, key: bytes("k") });
    expect(await responseOf(stream)).toMatchObject([1n, "created", {}]);
  });

  it("says of a start that is compacted which revision is the oldest", async () => {
    for (let at = 0; at < 9; at += 1) test.log.put("k");
    test.log.compact(5);
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k"), startRevision: 4n });
    const why = { code: 10_007, compactRevision: 5n, message: expect.stringMatching("is 5") };
    expect(await responseOf(stream)).toMatchObject([1n, "canceled", why]);
  });

  it.each([
    { name: "a wrong start", wanted: { key: bytes("k"), startRevision: 2n ** 63n }, code: 4003 },
    { name: "no key", wanted: {}, code: 4003 },
    { name: "one too many", wanted: { key: bytes("k") }, code: 4004, watchesMax: 1 },
  ])("refuses $name for that watch alone", async ({ wanted, code, watchesMax = 10 }) => {
    await restart({ watchesMax });
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k") });
    await responseOf(stream);
    createWatch(stream, { id: 2n, ...wanted });
    expect(await responseOf(stream)).toMatchObject([2n, "canceled", { code }]);
    test.log.put("k");
    expect(await responseOf(stream)).toMatchObject([1n, "events", { revision: 1n }]);
  });

  it("ends well when its client has closed its side and the last watch is gone", async () => {
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k") });
    await responseOf(stream);
    stream.end();
    test.log.put("k");
    expect(await responseOf(stream)).toMatchObject([1n, "events", {}]);
    for (let at = 0; at < 101; at += 1) test.log.put("k");
    expect(await responseOf(stream)).toMatchObject([1n, "canceled", { code: 5001 }]);
    expect(await stream.next()).toBe("OK: OK");
  });

  it("releases every watch when its client goes away", async () => {
    const stream = open();
    for (let id = 1n; id <= 20n; id += 1n) createWatch(stream, { id, key: bytes("k") });
    for (let at = 0; at < 20; at += 1) await responseOf(stream);
    expect(test.hub.metrics().watches).toBe(20);
    stream.cancel();
    await expect.poll(() => test.hub.metrics().watches).toBe(0);
  });

  it("ends with UNAVAILABLE when the node shuts down", async () => {
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k") });
    await responseOf(stream);
    await test.server.close();
    expect(await stream.next()).toMatch(/^UNAVAILABLE: this node is shutting down/);
  });

  it("ends with UNAVAILABLE when the node has stopped under it", async () => {
    const stream = open();
    createWatch(stream, { id: 1n, key: bytes("k") });
    await responseOf(stream);
    test.hub.close(new EngineError("CLOSED", "the engine is closing or closed"));
    expect(await stream.next()).toMatch(/^UNAVAILABLE: the engine/);
  });
});

describe("hostile and broken clients (scenario 78)", () => {
  it.each([
    { name: "bytes that are no request", sent: [Buffer.from("ffff", "hex")] },
    { name: "a request of no kind", sent: [Buffer.from("", "hex")] },
    { name: "an id twice", sent: [created(1n), created(1n)] },
  ])("$name ends the stream with INVALID_ARGUMENT", async ({ sent }) => {
    const stream = open();
    for (const message of sent) stream.send(message);
    let next = await stream.next();
    while (typeof next !== "string") next = await stream.next();
    expect(next).toMatch(/^INVALID_ARGUMENT/);
    await expect.poll(() => test.hub.metrics().watches).toBe(0);
  });
});

describe("a client that does not read (scenario 67)", () => {
  it("has its watches overflowed, memory stays bounded, and no other stream is touched", async () => {
    const stuck = open();
    createWatch(stuck, { id: 1n, key: bytes("k") });
    await responseOf(stuck);
    stuck.pause();
    const other = open();
    createWatch(other, { id: 1n, key: bytes("k") });
    await responseOf(other);
    const value = "v".repeat(100_000);
    let received = 0;
    while (test.hub.metrics().watchesOverflowed === 0) {
      test.log.put("k", value);
      const [, kind] = await responseOf(other);
      expect(kind).toBe("events");
      received += 1;
      expect(received).toBeLessThan(1_000);
    }
    expect(test.hub.metrics()).toMatchObject({ watches: 1, watchesOverflowed: 1 });
    stuck.resume();
    let last = await responseOf(stuck);
    let reached = 0n;
    for (; last[1] === "events"; last = await responseOf(stuck)) {
      const { revision } = last[2] as { revision: bigint };
      expect(revision).toBe(reached + 1n);
      reached = revision;
    }
    expect(last).toMatchObject([1n, "canceled", { code: 5001 }]);
    // It goes on where it was, on the same stream.
    createWatch(stuck, { id: 1n, key: bytes("k"), startRevision: reached + 1n });
    expect(await responseOf(stuck)).toEqual([1n, "created", { revision: reached }]);
    expect(await responseOf(stuck)).toMatchObject([1n, "events", {}]);
  });
});

type Request = NonNullable<MessageInitShape<typeof kvService.WatchStreamRequestSchema>["request"]>;
type Wanted = MessageInitShape<typeof kvService.WatchCreateSchema>;

function open(): RawStream {
  const stream = new RawStream(test.server.address, WATCH);
  streams.push(stream);
  return stream;
}

function request(of: Request): Uint8Array {
  const message = create(kvService.WatchStreamRequestSchema, { request: of });
  return toBinary(kvService.WatchStreamRequestSchema, message);
}

function created(id: bigint): Uint8Array {
  return request({ case: "create", value: { id, key: bytes("k") } });
}

function send(stream: RawStream, of: Request): void {
  stream.send(request(of));
}

function createWatch(stream: RawStream, value: Wanted): void {
  send(stream, { case: "create", value });
}

async function messageOf(stream: RawStream): Promise<kvService.WatchStreamResponse> {
  const next = await stream.next();
  if (typeof next === "string") throw new Error(`the stream ended: ${next}`);
  return fromBinary(kvService.WatchStreamResponseSchema, next);
}

/** Id, kind and content of the next response. */
async function responseOf(stream: RawStream): Promise<readonly [bigint, string, unknown]> {
  const { id, response } = await messageOf(stream);
  const { value } = response;
  if (typeof value !== "object") return [id, String(response.case), value];
  const { $typeName: _, ...content } = value;
  return [id, String(response.case), content];
}

async function restart(options: Parameters<typeof startWatchedServer>[0]): Promise<void> {
  await test[Symbol.asyncDispose]();
  test = await startWatchedServer(options);
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

describe("the id of a watch", () => {
  it("is at most 2^53 - 1: a larger one is refused, and that stream alone ends", async () => {
    const stream = open();
    const id = 2n ** 53n - 1n;
    createWatch(stream, { id, key: bytes("k") });
    expect(await responseOf(stream)).toMatchObject([id, "created", {}]);
    test.log.put("k", "1");
    expect(await responseOf(stream)).toMatchObject([id, "events", { revision: 1n }]);
    const other = open();
    createWatch(other, { id: id + 1n, key: bytes("k") });
    expect(await other.next()).toMatch(/^INVALID_ARGUMENT: .*at most 2\^53 - 1/);
    test.log.put("k", "2");
    expect(await responseOf(stream)).toMatchObject([id, "events", { revision: 2n }]);
  });
});

describe("watches of one connection", () => {
  it("beyond watchesPerConnectionMax are refused alone; others have their own", async () => {
    await using few = await startWatchedServer({}, { limits: { watchesPerConnectionMax: 2 } });
    const stream = new RawStream(few.server.address, WATCH);
    streams.push(stream);
    for (const id of [1n, 2n]) {
      createWatch(stream, { id, key: bytes("k") });
      expect(await responseOf(stream)).toMatchObject([id, "created", {}]);
    }
    createWatch(stream, { id: 3n, key: bytes("k") });
    expect(await responseOf(stream)).toMatchObject([
      3n,
      "canceled",
      { message: expect.stringContaining("watchesPerConnectionMax") },
    ]);
    send(stream, { case: "cancel", value: 1n });
    expect(await responseOf(stream)).toMatchObject([1n, "canceled", {}]);
    createWatch(stream, { id: 3n, key: bytes("k") });
    expect(await responseOf(stream)).toMatchObject([3n, "created", {}]);
    const other = new RawStream(few.server.address, WATCH);
    streams.push(other);
    createWatch(other, { id: 1n, key: bytes("k") });
    expect(await responseOf(other)).toMatchObject([1n, "created", {}]);
  });
});
