import { EngineError } from "@d-engine/core";
import { client, fromBinary } from "@d-engine/proto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startWatchedServer, type WatchedServer } from "../../../test/watched-server.js";

const WATCH = "/d_engine.client.RaftClientService/Watch";
const ofK = "12 01 6b";
const { PUT, DELETE, CANCELED, PROGRESS } = client.WatchEventType;

let test: WatchedServer;
beforeEach(async () => {
  test = await startWatchedServer({ watchEventsMax: 10 });
});
afterEach(async () => {
  await test[Symbol.asyncDispose]();
  expect(test.hub.metrics().watches).toBe(0);
  expect(test.bugs).toEqual([]);
});

describe("Watch", () => {
  it("sends headers at once, and then the events from now on", async () => {
    test.log.put("k", "old");
    const stream = await open(ofK);
    test.log.put("k", "v");
    test.log.put("other", "v");
    test.log.delete("k");
    expect(await stream.next()).toEqual(hex("0a 01 6b 12 01 76 28 02"));
    expect(await stream.next()).toEqual(hex("0a 01 6b 18 01 28 04"));
    stream.cancel();
  });

  it("watches a prefix, and the empty one for every key", async () => {
    const below = await open(`${ofK} 18 01`);
    const all = await open("18 01");
    test.log.put("j", "1");
    test.log.put("kk", "2");
    expect(await eventOf(below)).toMatchObject({ key: bytes("kk"), revision: 2n });
    expect(await eventOf(all)).toMatchObject({ key: bytes("j"), revision: 1n });
    expect(await eventOf(all)).toMatchObject({ key: bytes("kk"), revision: 2n });
    below.cancel();
    all.cancel();
  });

  it("tells the value before where it is asked to, of a put and of a delete (W7)", async () => {
    test.log.put("k", "1");
    const stream = await open(`${ofK} 20 01`);
    test.log.put("k", "2");
    test.log.delete("k");
    expect(await eventOf(stream)).toMatchObject({
      eventType: PUT,
      value: bytes("2"),
      prevValue: bytes("1"),
    });
    expect(await eventOf(stream)).toMatchObject({
      eventType: DELETE,
      value: new Uint8Array(0),
      prevValue: bytes("2"),
    });
    stream.cancel();
  });

  it("tells of progress while nothing happens (W6)", async () => {
    await restart({ watchProgressMs: 20 });
    const stream = await open(ofK);
    test.log.put("other");
    expect(await eventOf(stream)).toMatchObject({ eventType: PROGRESS, revision: 1n, error: 0 });
    stream.cancel();
  });

  it("ends with CANCELED, the code and the last revision when it lost events (W9)", async () => {
    const stream = await open(ofK);
    test.log.put("k");
    expect(await eventOf(stream)).toMatchObject({ eventType: PUT, revision: 1n });
    for (let at = 0; at < 11; at += 1) test.log.put("k");
    expect(await eventOf(stream)).toMatchObject({ eventType: CANCELED, error: 5001, revision: 1n });
    expect(await stream.next()).toBe("OK");
  });

  it("ends so, too, when an installed snapshot does not reach back far enough (R16)", async () => {
    const stream = await open(ofK);
    test.log.install([[["k", "1"]], [["k", "2"]]], 2);
    expect(await eventOf(stream)).toMatchObject({ eventType: CANCELED, error: 5001, revision: 0n });
    expect(await stream.next()).toBe("OK");
  });

  it("ends with UNAVAILABLE when the node shuts down: come back elsewhere", async () => {
    const stream = await open(ofK);
    const late = test.raw.stream(WATCH, hex(ofK));
    await late.headers;
    await test.server.close();
    expect(await stream.next()).toBe("UNAVAILABLE");
    expect(await late.next()).toBe("UNAVAILABLE");
  });

  it("ends with UNAVAILABLE when the node has stopped under it", async () => {
    const stream = await open(ofK);
    test.hub.close(new EngineError("CLOSED", "the engine is closing or closed"));
    expect(await stream.next()).toBe("UNAVAILABLE");
  });

  it("is released when its caller goes away", async () => {
    const stream = await open(ofK);
    expect(test.hub.metrics().watches).toBe(1);
    stream.cancel();
    await expect.poll(() => test.hub.metrics().watches).toBe(0);
  });

  it("goes on while others are served on followers and learners alike: no leader is needed", async () => {
    test.shared.leaderId = undefined;
    const stream = await open(ofK);
    test.log.put("k");
    expect(await eventOf(stream)).toMatchObject({ eventType: PUT });
    stream.cancel();
  });
});

describe("what Watch refuses", () => {
  it.each([
    { name: "no key", request: "", status: "INVALID_ARGUMENT" },
    { name: "bytes that are no request", request: "12 05 6b", status: "INVALID_ARGUMENT" },
  ])("$name as $status", async ({ request, status }) => {
    expect(await test.raw.stream(WATCH, hex(request)).next()).toBe(status);
  });

  it("more watches than the node allows, as RESOURCE_EXHAUSTED", async () => {
    await restart({ watchesMax: 1 });
    const first = await open(ofK);
    expect(await test.raw.stream(WATCH, hex(ofK)).next()).toBe("RESOURCE_EXHAUSTED");
    first.cancel();
  });

  it("more streams than the port allows, as RESOURCE_EXHAUSTED", async () => {
    await test[Symbol.asyncDispose]();
    test = await startWatchedServer({}, { limits: { watchStreamsMax: 1 } });
    const first = await open(ofK);
    expect(await test.raw.stream(WATCH, hex(ofK)).next()).toBe("RESOURCE_EXHAUSTED");
    first.cancel();
    await expect.poll(() => test.hub.metrics().watches).toBe(0);
    const second = await open(ofK);
    second.cancel();
  });
});

type Stream = ReturnType<WatchedServer["raw"]["stream"]>;

/** Opens a watch, which is there when this resolves. */
async function open(request: string): Promise<Stream> {
  const before = test.hub.metrics().watches;
  const stream = test.raw.stream(WATCH, hex(request));
  await stream.headers;
  expect(test.hub.metrics().watches).toBe(before + 1);
  return stream;
}

async function eventOf(stream: Stream): Promise<client.WatchResponse> {
  const next = await stream.next();
  if (typeof next === "string") throw new Error(`the stream ended: ${next}`);
  return fromBinary(client.WatchResponseSchema, next);
}

async function restart(options: Parameters<typeof startWatchedServer>[0]): Promise<void> {
  await test[Symbol.asyncDispose]();
  test = await startWatchedServer(options);
}

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

function bytes(text: string): Buffer {
  return Buffer.from(text);
}
