import { Changes } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { readyEngine } from "./testing/engine-in.js";
import { ScriptedLeaders } from "./testing/leader-source.js";

describe("Changes", () => {
  it("begins with the leader of now, and gives a slow reader the newest alone", async () => {
    const leaders = new ScriptedLeaders();
    const changes = new Changes(leaders);
    expect(await changes.next()).toEqual({ done: false, value: undefined });
    leaders.set(1);
    leaders.set(undefined);
    leaders.set(3);
    expect((await changes.next()).value).toMatchObject({ leaderId: 3 });
    const next = changes.next();
    leaders.set(4);
    expect((await next).value).toMatchObject({ leaderId: 4 });
  });

  it.each(["break", "throw"])("is released by a %s in the loop", async (how) => {
    const leaders = new ScriptedLeaders();
    const loop = async () => {
      for await (const _ of new Changes(leaders)) {
        expect(leaders.listeners.size).toBe(1);
        if (how === "break") break;
        throw new Error("out");
      }
    };
    await loop().catch((error: Error) => expect(error.message).toBe("out"));
    expect(leaders.listeners.size).toBe(0);
  });

  it("wakes a waiting reader when it is returned", async () => {
    const leaders = new ScriptedLeaders();
    const changes = new Changes(leaders);
    await changes.next();
    const waiting = changes.next();
    await changes.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it("ends with the engine", async () => {
    const engine = await readyEngine();
    const seen: (number | undefined)[] = [];
    const reading = (async () => {
      for await (const leader of engine.leaderChangeNotifier()) seen.push(leader?.leaderId);
    })();
    await new Promise((resolve) => setImmediate(resolve));
    await engine.close();
    await reading;
    expect(seen).toEqual([1]);
  });

  it("has one consumer", async () => {
    const leaders = new ScriptedLeaders();
    const changes = new Changes(leaders);
    changes[Symbol.asyncIterator]();
    expect(() => changes[Symbol.asyncIterator]()).toThrow(/one consumer/);
    await changes.next();
    void changes.next();
    await expect(changes.next()).rejects.toThrow(/one consumer/);
  });
});
