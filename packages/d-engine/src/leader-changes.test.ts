import { KeepAlive } from "@d-engine/server";
import { describe, expect, it } from "vitest";
import type { LeaderInfo, NodeId, Term } from "./index.js";
import { LeaderChanges } from "./leader-changes.js";
import { readyEngine } from "./testing/engine-in.js";

/** A source that a test drives. */
function source() {
  const listeners = new Set<() => void>();
  const state = {
    current: undefined as LeaderInfo | undefined,
    ended: false,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
  const set = (leaderId: number | undefined, ended = false): void => {
    state.ended = ended;
    state.current =
      leaderId === undefined ? undefined : { leaderId: leaderId as NodeId, term: 1 as Term };
    for (const listener of [...listeners]) listener();
  };
  return { state, set, listeners };
}

describe("LeaderChanges", () => {
  it("begins with the leader of now, and gives a slow reader the newest alone", async () => {
    const { state, set } = source();
    const changes = new LeaderChanges(state, new KeepAlive());
    expect(await changes.next()).toEqual({ done: false, value: undefined });
    set(1);
    set(undefined);
    set(3);
    expect((await changes.next()).value).toMatchObject({ leaderId: 3 });
    const next = changes.next();
    set(4);
    expect((await next).value).toMatchObject({ leaderId: 4 });
  });

  it.each(["break", "throw"])("is released by a %s in the loop", async (how) => {
    const { state, listeners } = source();
    const loop = async () => {
      for await (const _ of new LeaderChanges(state, new KeepAlive())) {
        expect(listeners.size).toBe(1);
        if (how === "break") break;
        throw new Error("out");
      }
    };
    await loop().catch((error: Error) => expect(error.message).toBe("out"));
    expect(listeners.size).toBe(0);
  });

  it("wakes a waiting reader when it is returned", async () => {
    const { state } = source();
    const changes = new LeaderChanges(state, new KeepAlive());
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
    const { state } = source();
    const changes = new LeaderChanges(state, new KeepAlive());
    changes[Symbol.asyncIterator]();
    expect(() => changes[Symbol.asyncIterator]()).toThrow(/one consumer/);
    await changes.next();
    void changes.next();
    await expect(changes.next()).rejects.toThrow(/one consumer/);
  });
});
