import { nodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { type KnownNode, LeaderCache } from "./leader-cache.js";

const [a, b, c] = ["a:1", "b:1", "c:1"].map((address, at) => ({ id: nodeId(at + 1), address })) as [
  KnownNode,
  KnownNode,
  KnownNode,
];

describe("LeaderCache", () => {
  it("asks the seeds, beginning with one by chance, until it learns more", () => {
    expect(new LeaderCache(["a:1", "b:1"], 0).pick("leader")).toBe("a:1");
    expect(new LeaderCache(["a:1", "b:1"], 0.99).pick("any")).toBe("b:1");
  });

  it("sends what needs the leader to the leader, and the rest to one node for good", () => {
    const cache = new LeaderCache(["a:1"], 0);
    cache.learn([a, b, c], b);
    expect(cache.pick("leader")).toBe("b:1");
    expect([cache.pick("any"), cache.pick("any")]).toEqual(["a:1", "a:1"]);
  });

  it("follows a hint, also to a node that it did not know", () => {
    const cache = new LeaderCache(["a:1"], 0);
    cache.refused("a:1", { leaderId: nodeId(9), address: "z:9" });
    expect(cache.pick("leader")).toBe("z:9");
  });

  it.each([
    { name: "no hint", hint: undefined },
    { name: "a hint without address", hint: { leaderId: nodeId(2), address: "" } },
    { name: "a hint at itself", hint: { leaderId: nodeId(1), address: "a:1" } },
  ])("asks another node after a refusal with $name", ({ hint }) => {
    const cache = new LeaderCache(["a:1", "b:1"], 0);
    cache.learn([a, b], a);
    cache.refused("a:1", hint);
    expect(cache.pick("leader")).toBe("b:1");
  });

  it("forgets a leader that fails and comes around to every address", () => {
    const cache = new LeaderCache(["a:1", "x:1"], 0);
    cache.learn([a, b, c], b);
    cache.failed("b:1");
    const asked = new Set<string>();
    for (let tries = 0; tries < 4; tries += 1) {
      const address = cache.pick("leader");
      asked.add(address);
      cache.failed(address);
    }
    expect([...asked].sort()).toEqual(["a:1", "b:1", "c:1", "x:1"]);
  });

  it("keeps its node for eventual reads when another one fails", () => {
    const cache = new LeaderCache(["a:1"], 0);
    cache.learn([a, b, c], b);
    cache.failed("b:1");
    cache.failed("c:1");
    expect(cache.pick("any")).toBe("a:1");
  });

  it("keeps the leader it knows when a node answers that knows none", () => {
    const cache = new LeaderCache(["a:1"], 0);
    cache.learn([a, b], b);
    cache.learn([a, b], undefined);
    expect(cache.pick("leader")).toBe("b:1");
  });

  it("leaves out members without an address", () => {
    const cache = new LeaderCache(["a:1"], 0);
    cache.learn([a, { id: nodeId(7), address: "" }], undefined);
    expect(cache.addresses).toEqual(["a:1"]);
  });
});
