import { describe, expect, it } from "vitest";
import { ScriptedLeaders } from "./testing/leader-source.js";
import { waitReady } from "./wait-ready.js";

const noFailure = () => undefined;

describe("waitReady", () => {
  it("resolves at once when there is a leader", async () => {
    const leaders = new ScriptedLeaders();
    leaders.set(2);
    expect(await waitReady(leaders, noFailure, {})).toEqual({ leaderId: 2, term: 1 });
  });

  it("resolves with the first leader that comes, and lets go of everything", async () => {
    const leaders = new ScriptedLeaders();
    const abort = new AbortController();
    const waiting = waitReady(leaders, noFailure, { signal: abort.signal });
    leaders.set(undefined);
    leaders.set(3);
    expect(await waiting).toEqual({ leaderId: 3, term: 1 });
    expect(leaders.listeners.size).toBe(0);
  });

  it("keeps the process alive while it waits", async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout");
    const before = timers().length;
    const leaders = new ScriptedLeaders();
    const waiting = waitReady(leaders, noFailure, {});
    expect(timers()).toHaveLength(before + 1);
    leaders.set(1);
    await waiting;
    expect(timers()).toHaveLength(before);
  });

  it("gives up after timeoutMs", async () => {
    const waiting = waitReady(new ScriptedLeaders(), noFailure, { timeoutMs: 1 });
    await expect(waiting).rejects.toMatchObject({ code: "CLUSTER_UNAVAILABLE" });
  });

  it("rejects with the reason of an abort, before and while it waits", async () => {
    const abort = new AbortController();
    const signal = abort.signal;
    const waiting = waitReady(new ScriptedLeaders(), noFailure, { signal });
    abort.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    await expect(waitReady(new ScriptedLeaders(), noFailure, { signal })).rejects.toBe("enough");
  });

  it("rejects with CLOSED, and the cause, when the engine ends", async () => {
    const leaders = new ScriptedLeaders();
    const failure = new Error("EIO");
    const waiting = waitReady(leaders, () => failure, {});
    leaders.end();
    await expect(waiting).rejects.toMatchObject({ code: "CLOSED", cause: failure });
  });
});
