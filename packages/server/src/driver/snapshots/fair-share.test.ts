import type { Clock } from "@d-engine/core";
import { expect, it } from "vitest";
import { FairShare } from "./fair-share.js";

/** Turns of which each takes `turnMs`, all of it for others. */
function clockWithTurns(turnMs: number) {
  let nowMs = 0;
  let turns = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer: () => ({ cancel: () => undefined }),
    defer: (callback) => {
      turns += 1;
      nowMs += turnMs;
      queueMicrotask(callback);
    },
  };
  const work = (ms: number) => {
    nowMs += ms;
  };
  return { clock, work, turns: () => turns };
}

it.each([
  { name: "leaves ten times as much to a busy event loop", turnMs: 1, workMs: 2, turns: 20 },
  { name: "needs no second turn after a long one", turnMs: 20, workMs: 2, turns: 1 },
  { name: "goes on at once when nobody wants the event loop", turnMs: 0.01, workMs: 2, turns: 1 },
  { name: "goes on where time stands still, as in a simulation", turnMs: 0, workMs: 0, turns: 1 },
])("FairShare $name", async ({ turnMs, workMs, turns }) => {
  const { clock, work, ...seen } = clockWithTurns(turnMs);
  const share = new FairShare(clock);
  share.begin();
  work(workMs);
  share.end();
  await share.turn();
  expect(seen.turns()).toBe(turns);
});

it("FairShare counts what others do while the disk writes", async () => {
  const { clock, work, turns } = clockWithTurns(1);
  const share = new FairShare(clock);
  share.begin();
  work(2);
  share.end();
  work(19);
  await share.turn();
  expect(turns()).toBe(1);
});
