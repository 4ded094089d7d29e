import { describe, expect, it } from "vitest";
import { KeepAlive } from "./keep-alive.js";

/** Timers that keep this process alive. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
}

describe("KeepAlive", () => {
  it("holds the process from the first hold to the last release, each counted once", () => {
    const before = timers();
    const keepAlive = new KeepAlive();
    const releases = [keepAlive.hold(), keepAlive.hold()];
    expect(timers()).toBe(before + 1);
    releases[0]?.();
    releases[0]?.();
    expect(timers()).toBe(before + 1);
    releases[1]?.();
    expect(timers()).toBe(before);
  });

  it.each(["resolves", "rejects"])("lets go when the promise %s", async (how) => {
    const before = timers();
    const keepAlive = new KeepAlive();
    const promise = how === "resolves" ? Promise.resolve(1) : Promise.reject(new Error("no"));
    const held = keepAlive.during(promise);
    expect(timers()).toBe(before + 1);
    await held.catch((error: Error) => expect(error.message).toBe("no"));
    expect(timers()).toBe(before);
  });
});
