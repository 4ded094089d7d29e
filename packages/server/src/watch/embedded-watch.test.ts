import { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { follow, resolved } from "../driver/testing/outcome.js";
import { type RunningKvNode, startLeader } from "../driver/testing/start-kv-node.js";
import { EmbeddedClient } from "../embedded-client.js";

let running: RunningKvNode;
let client: EmbeddedClient;
beforeEach(async () => {
  running = await startLeader();
  client = new EmbeddedClient(running.node);
});

const put = (key: string, value: string | Uint8Array = "v") =>
  resolved(running.clock, client.put(key, value));
const open = () => running.node.watchMetrics().watches;

describe("EmbeddedWatch", () => {
  it("brings what is applied, and says from where on and up to where", async () => {
    await put("k");
    const watch = client.watch("k");
    expect([watch.revision, await watch.ready()]).toEqual([1, 1]);
    const next = watch.next();
    await put("k", "new");
    const { value } = await resolved(running.clock, next);
    expect(value).toMatchObject({ revision: 2, events: [{ kind: "put", previous: undefined }] });
    expect(watch.revision).toBe(2);
  });

  it("moves on by progress while nothing that it wants happens (W6)", async () => {
    const watch = client.watch("k");
    const next = follow(watch.next());
    await put("other");
    await running.clock.advance(20_000);
    expect([watch.revision, next().kind]).toEqual([1, "pending"]);
  });

  it("goes on from the history when its buffer was full, without a loss (W3, W9)", async () => {
    const watch = client.watch("k");
    const value = new Uint8Array(1_000_000);
    for (let at = 0; at < 10; at += 1) await put("k", value);
    expect(running.node.watchMetrics().watchesOverflowed).toBe(1);
    const revisions: number[] = [];
    while (revisions.length < 10) {
      const { value: batch } = await resolved(running.clock, watch.next());
      for (const event of batch?.events ?? []) revisions.push(event.revision);
    }
    expect(revisions).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("tells a reader that was too slow for the history, too, once (W9)", async () => {
    const watch = client.watch("k");
    const value = new Uint8Array(1_000_000);
    for (let at = 0; at < 6; at += 1) await put("k", value);
    await resolved(running.clock, client.compact(5));
    await expect(resolved(running.clock, watch.next())).rejects.toMatchObject({
      code: "COMPACTED",
      oldestRevision: expect.any(Number),
    });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(await watch.ready()).toBe(0);
  });

  it.each<{ name: string; end: (abort: AbortController) => unknown; reason?: string }>([
    { name: "its signal", end: (abort) => abort.abort(new Error("enough")), reason: "enough" },
    {
      name: "its signal, whatever the reason is",
      end: (abort) => abort.abort(new EngineError("CLOSED", "my own")),
      reason: "my own",
    },
    { name: "its client", end: () => client.close() },
    { name: "its engine", end: () => running.node.driver.close() },
  ])("is ended by $name, and nothing of it is left", async ({ end, reason }) => {
    const abort = new AbortController();
    const watch = client.watch("k", { signal: abort.signal });
    const next = watch.next();
    next.catch(() => undefined);
    void end(abort);
    const told = resolved(running.clock, next);
    if (reason === undefined) expect(await told).toEqual({ done: true, value: undefined });
    else await expect(told).rejects.toThrow(reason);
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    expect(open()).toBe(0);
  });

  it("is released by break and by a throw in the loop", async () => {
    await put("k");
    for (const how of ["break", "throw"]) {
      const loop = async () => {
        for await (const _ of client.watch("k", { fromRevision: 1 })) {
          if (how === "break") break;
          throw new Error("out");
        }
      };
      const looped = loop();
      looped.catch(() => undefined);
      await resolved(running.clock, looped).catch(() => undefined);
      expect(open()).toBe(0);
    }
  });

  it("has one consumer", async () => {
    const watch = client.watch("k");
    watch[Symbol.asyncIterator]();
    expect(() => watch[Symbol.asyncIterator]()).toThrow(/one consumer/);
    void watch.next();
    await expect(watch.next()).rejects.toMatchObject({ code: "INVALID_REQUEST" });
  });

  it.each([
    { name: "no key", call: () => client.watch("") },
    { name: "a revision that is none", call: () => client.watch("k", { fromRevision: 0 }) },
    { name: "a range that is none", call: () => client.watch({ start: "b", end: "a" }) },
  ])("is refused at once for $name", ({ call }) => {
    expect(call).toThrow(expect.objectContaining({ code: "INVALID_REQUEST" }));
    expect(open()).toBe(0);
  });
});
