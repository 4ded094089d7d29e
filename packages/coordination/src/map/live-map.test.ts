import { EngineError, isEngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { type BedClient, follow, StoreBed } from "../../test/bed/index.js";
import type { Codec } from "./codec.js";
import type { LiveMap } from "./live-map.js";
import { map } from "./map.js";
import type { InvalidEntry } from "./map-options.js";

let bed: StoreBed;
let client: BedClient;
let other: BedClient;
beforeEach(() => {
  bed = new StoreBed();
  client = bed.client();
  other = bed.client();
});

const isNumber = (value: unknown): number => {
  if (typeof value === "number") return value;
  throw new TypeError(`${typeof value} is no number`);
};

async function ready<T>(live: LiveMap<T>): Promise<LiveMap<T>> {
  await bed.clock.advance(10);
  expect(live.state).toBe("live");
  return live;
}

/** Lets the promise settle. */
async function done<T>(promise: Promise<T>): Promise<T> {
  const followed = follow(promise);
  await bed.clock.advanceUntil(() => followed.isSettled, 20_000);
  return await promise;
}

async function failure(promise: Promise<unknown>): Promise<EngineError> {
  const followed = follow(promise);
  await bed.clock.advanceUntil(() => followed.isSettled, 20_000);
  expect(followed.error).toBeInstanceOf(Error);
  return followed.error as EngineError;
}

/** What the client's watches have missed is no longer kept. */
function loseHistory(): void {
  bed.compact(bed.machine.revision);
  client.breakWatches(new EngineError("COMPACTED", "the history does not reach back"));
  client.heal();
}

describe("map", () => {
  it("shows what is there, and then what everybody writes", async () => {
    await done(other.put("n/b", "2"));
    await done(other.put("n/a", "1"));
    await done(other.put("m/x", "0"));
    const numbers = map<number>(client, "n/");
    expect(await done(numbers.ready())).toBe(3);
    expect([...numbers]).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    await done(other.put("n/c", "3"));
    await done(other.delete("n/a"));
    await bed.clock.advance(10);
    expect(numbers.keys()).toEqual(["b", "c"]);
    expect(numbers.has("a")).toBe(false);
    expect(numbers.get("c")).toBe(3);
    expect(numbers.size).toBe(2);
    expect(numbers.revision).toBe(5);
  });

  it("reads nothing before it is ready and after its end, and says so", async () => {
    const numbers = map<number>(client, "n/");
    expect(() => numbers.get("a")).toThrow(/await ready\(\)/);
    await ready(numbers);
    await numbers.close();
    await numbers.close();
    expect(() => numbers.size).toThrow(/closed/);
    expect(isEngineError(await failure(numbers.set("a", 1)), "CLOSED")).toBe(true);
    expect(client.watches).toBe(0);
  });

  it("shows a write of its own when that resolves", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    expect(await done(numbers.set("a", 1))).toBe(1);
    expect(numbers.get("a")).toBe(1);
    expect(await done(numbers.delete("a"))).toBe(true);
    expect(numbers.has("a")).toBe(false);
    expect(await done(numbers.delete("a"))).toBe(false);
  });

  it("waits no longer for its own write when that is not wanted", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    client.breakWatches(new EngineError("CLUSTER_UNAVAILABLE", "no node for watches"));
    const put = follow(numbers.set("a", 1, { visible: false }));
    await bed.clock.advance(2);
    expect(put.value).toBe(1);
    expect(numbers.has("a")).toBe(false);
  });

  it("resolves when somebody else has deleted the key in the meantime", async () => {
    await done(other.put("n/a", "1"));
    const numbers = await ready(map<number>(client, "n/"));
    void other.delete("n/a");
    for (let at = 0; at < 3; at += 1) void other.put("elsewhere", "x");
    await bed.clock.turn();
    expect(await done(numbers.delete("a"))).toBe(false);
    expect(numbers.has("a")).toBe(false);
    expect(bed.clock.nowMs()).toBeLessThan(1_100);
  });

  it("says unknown of a write that is done and cannot be seen in time", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    client.breakWatches(new EngineError("CLUSTER_UNAVAILABLE", "no node for watches"));
    const error = await failure(numbers.set("a", 1, { timeoutMs: 20 }));
    expect(error).toMatchObject({ code: "OUTCOME_UNKNOWN", outcome: "unknown" });
    expect(bed.keys()).toEqual(["n/a"]);
  });

  it("rejects a wait with the reason of its signal and forgets it", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    const controller = new AbortController();
    const waiting = failure(numbers.at(7, { signal: controller.signal }));
    controller.abort(new Error("enough"));
    expect((await waiting).message).toBe("enough");
  });

  it("ends with its signal", async () => {
    const controller = new AbortController();
    const numbers = await ready(map<number>(client, "n/", { signal: controller.signal }));
    controller.abort(new Error("shut down"));
    expect(() => numbers.get("a")).toThrow("shut down");
    expect(client.watches).toBe(0);
    expect(() => map(client, "n/", { signal: controller.signal })).toThrow("shut down");
  });

  it("keeps the last good value over one that fails the check, and tells of it", async () => {
    const told: InvalidEntry[] = [];
    const onInvalid = (entry: InvalidEntry) => {
      told.push(entry);
      throw new Error("of the handler");
    };
    const numbers = await ready(map<number>(client, "n/", { check: isNumber, onInvalid }));
    await done(numbers.set("a", 1));
    await done(other.put("n/a", '"one"'));
    await done(other.put("n/b", "{"));
    await bed.clock.advance(10);
    expect(numbers.entries()).toEqual([["a", 1]]);
    expect(told.map(({ key, revision }) => [key, revision])).toEqual([
      ["a", 2],
      ["b", 3],
    ]);
    expect([...numbers.invalid.keys()]).toEqual(["a", "b"]);
    expect(numbers.revision).toBe(3);
    await done(numbers.set("a", 5));
    expect(numbers.get("a")).toBe(5);
    expect(numbers.invalid.has("a")).toBe(false);
  });

  it("shows no value of a key that was deleted and came back with a bad one", async () => {
    await done(other.put("n/a", "1"));
    const numbers = await ready(map<number>(client, "n/", { check: isNumber }));
    client.cut();
    await done(other.delete("n/a"));
    await done(other.put("n/a", '"bad"'));
    await done(other.put("n/z", "1"));
    loseHistory();
    await bed.clock.advance(1_000);
    expect(numbers.entries()).toEqual([["z", 1]]);
  });

  it("refuses a value that no reader would take, before it is sent", async () => {
    const numbers = await ready(map<unknown>(client, "n/", { check: { parse: isNumber } }));
    for (const bad of ["1", undefined, () => 1, 1n]) {
      const error = await failure(numbers.set("a", bad));
      expect(isEngineError(error, "INVALID_REQUEST")).toBe(true);
    }
    expect(bed.keys()).toEqual([]);
  });

  it("takes any codec", async () => {
    const plain: Codec = {
      encode: (value) => String(value),
      decode: (bytes) => Buffer.from(bytes).toString(),
    };
    const texts = await ready(map<string>(client, "t/", { codec: plain }));
    await done(texts.set("ä", "ö"));
    expect(texts.get("ä")).toBe("ö");
    expect(await done(other.getString("t/ä"))).toBe("ö");
  });

  it("tells of a key that is no text, and shows the others", async () => {
    const told: string[] = [];
    const onInvalid = ({ key }: InvalidEntry) => told.push(key);
    await done(other.put(Uint8Array.of(0x6e, 0x2f, 0xff), "1"));
    await done(other.put("n/a", "1"));
    const numbers = await ready(map<number>(client, "n/", { onInvalid }));
    expect(numbers.keys()).toEqual(["a"]);
    expect(told).toEqual(["\ufffd"]);
  });

  it("is stale while the store cannot be reached, and live again afterwards", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    await done(numbers.set("a", 1));
    client.cut();
    client.breakWatches(new EngineError("CLUSTER_UNAVAILABLE", "no node answers"));
    await bed.clock.advance(100);
    expect(numbers.state).toBe("stale");
    expect(numbers.get("a")).toBe(1);
    await done(other.put("n/a", "2"));
    client.heal();
    await bed.clock.advance(6_000);
    expect(numbers.state).toBe("live");
    expect(numbers.get("a")).toBe(2);
  });

  it("reads everything again in one turn where the history is gone", async () => {
    await done(other.put("n/a", "1"));
    await done(other.put("n/b", "1"));
    const numbers = await ready(map<number>(client, "n/"));
    const changes = numbers.changes();
    client.cut();
    await done(other.put("n/a", "2"));
    await done(other.delete("n/b"));
    await done(other.put("n/c", "2"));
    loseHistory();
    const next = await done(changes.next());
    expect(next.value).toEqual({
      revision: 5,
      changes: [
        { kind: "set", key: "a", value: 2, previous: 1 },
        { kind: "set", key: "c", value: 2, previous: undefined },
        { kind: "delete", key: "b", previous: 1 },
      ],
    });
  });

  it("ends with a clear error where there is more than it may hold", async () => {
    const small = await ready(map<number>(client, "n/", { entriesMax: 2 }));
    await done(small.set("a", 1));
    await done(small.set("b", 1));
    const reader = small.changes();
    await done(other.put("n/c", "1"));
    await bed.clock.advance(10);
    expect(small.state).toBe("failed");
    expect(() => small.get("a")).toThrow(/entriesMax = 2/);
    expect(isEngineError(await failure(reader.next()), "RATE_LIMITED")).toBe(true);
    const again = map<number>(client, "n/", { entriesMax: 2 });
    expect(isEngineError(await failure(again.ready()), "RATE_LIMITED")).toBe(true);
    const narrow = map<number>(client, "n/", { bytesMax: 11 });
    expect((await failure(narrow.ready())).message).toMatch(/12 bytes .* bytesMax = 11/);
  });

  it("ends when the client does", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    const reader = follow(numbers.changes().next());
    await client.close();
    await bed.clock.advance(10);
    expect(numbers.state).toBe("failed");
    expect(isEngineError(reader.error, "CLOSED")).toBe(true);
  });

  it.each([
    { name: "an empty prefix", make: () => map(client, "") },
    { name: "a prefix of bytes", make: () => map(client, Uint8Array.of(1) as never) },
    { name: "no room", make: () => map(client, "n/", { entriesMax: 0 }) },
    { name: "part of a byte", make: () => map(client, "n/", { bytesMax: 1.5 }) },
  ])("refuses $name", ({ make }) => {
    expect(make).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
    expect(client.watches).toBe(0);
  });
});

describe("changes of a map", () => {
  it("give the first state to who asks before it is ready, and each change", async () => {
    await done(other.put("n/a", "1"));
    const numbers = map<number>(client, "n/");
    const reader = numbers.changes();
    const first = await done(reader.next());
    expect(first.value?.changes).toEqual([
      { kind: "set", key: "a", value: 1, previous: undefined },
    ]);
    await done(other.delete("n/a"));
    const second = await done(reader.next());
    expect(second.value?.changes).toEqual([{ kind: "delete", key: "a", previous: 1 }]);
  });

  it("give a slow consumer what is different, once per key", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    await done(numbers.set("a", 1));
    const reader = numbers.changes();
    await done(numbers.set("a", 2));
    await done(numbers.set("b", 1));
    await done(numbers.delete("b"));
    await done(numbers.set("a", 3));
    expect((await done(reader.next())).value).toEqual({
      revision: 5,
      changes: [{ kind: "set", key: "a", value: 3, previous: 1 }],
    });
  });

  it("are released by a break, by an abort and by the end of the map", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    const controller = new AbortController();
    const aborted = failure(numbers.changes({ signal: controller.signal }).next());
    controller.abort(new Error("enough"));
    expect((await aborted).message).toBe("enough");
    const left = numbers.changes();
    const pending = follow(left.next());
    await left.return?.();
    await bed.clock.turn();
    expect(pending.value).toEqual({ done: true, value: undefined });
    const ended = follow(numbers.changes().next());
    await numbers.close();
    await bed.clock.turn();
    expect(ended.value).toEqual({ done: true, value: undefined });
  });

  it("have one consumer", async () => {
    const numbers = await ready(map<number>(client, "n/"));
    const reader = numbers.changes();
    void follow(reader.next());
    await expect(reader.next()).rejects.toThrow(/one consumer/);
    reader[Symbol.asyncIterator]();
    expect(() => reader[Symbol.asyncIterator]()).toThrow(/one consumer/);
  });
});
