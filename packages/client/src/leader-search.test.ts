import type { Clock } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { LeaderSearch } from "./leader-search.js";

/** A clock that stands still until it is told how far to go. */
class HandClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void) {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    const cancel = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
    return { cancel };
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback);
  }

  async advance(milliseconds: number): Promise<void> {
    this.#nowMs += milliseconds;
    for (const timer of this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)) timer.callback();
    await new Promise((resolve) => setImmediate(resolve));
  }

  get timers(): number {
    return this.#timers.length;
  }
}

function arrange() {
  const clock = new HandClock();
  const search = new LeaderSearch(clock);
  const ended: string[] = [];
  const wait = (name: string, delayMs: number, signal?: AbortSignal): void => {
    search.wait(delayMs, signal).then(
      () => ended.push(name),
      (error: Error) => ended.push(`${name}: ${error.message}`),
    );
  };
  return { clock, search, ended, wait };
}

describe("LeaderSearch", () => {
  it("lets one call ask often and the others wait for as long as they were told", async () => {
    const { clock, ended, wait } = arrange();
    wait("first", 500);
    wait("second", 500);
    await clock.advance(100);
    expect(ended).toEqual(["first"]);
    wait("first", 500);
    await clock.advance(100);
    expect(ended).toEqual(["first", "first"]);
    await clock.advance(300);
    expect(ended).toEqual(["first", "first", "second"]);
  });

  it("does not shorten the first, short pauses", async () => {
    const { clock, ended, wait } = arrange();
    wait("first", 15);
    await clock.advance(14);
    expect(ended).toEqual([]);
    await clock.advance(1);
    expect(ended).toEqual(["first"]);
  });

  it("lets all go on when one was served, and leaves no timer behind", async () => {
    const { clock, search, ended, wait } = arrange();
    wait("first", 500);
    wait("second", 500);
    search.found();
    await clock.advance(0);
    expect(ended).toEqual(["first", "second"]);
    expect(clock.timers).toBe(0);
  });

  it("rejects with the reason of an abort, after which another call is the one that asks", async () => {
    const { clock, ended, wait } = arrange();
    const abort = new AbortController();
    wait("first", 500, abort.signal);
    abort.abort(new Error("enough"));
    await clock.advance(0);
    expect(ended).toEqual(["first: enough"]);
    expect(clock.timers).toBe(0);
    wait("second", 500);
    await clock.advance(100);
    expect(ended).toEqual(["first: enough", "second"]);
  });
});
