import type { Clock } from "@d-engine/core";
import { expect, it } from "vitest";
import { FairShare } from "./fair-share.js";

/** A node whose turns of the event loop take `turnMs` and do `asked` things for its callers. */
function nodeWithTurns(turnMs: number, asked: number) {
  let nowMs = 0;
  let activity = 0;
  const clock: Clock = {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer: (delayMs, callback) => {
      nowMs += delayMs;
      activity += asked;
      queueMicrotask(callback);
      return { cancel: () => undefined };
    },
    defer: (callback) => {
      nowMs += turnMs;
      activity += asked;
      queueMicrotask(callback);
    },
  };
  const share = new FairShare(clock, () => activity);
  /** A piece of work, then its turn: how long the others had. */
  const piece = async (workMs: number, diskMs = 0): Promise<number> => {
    share.begin();
    nowMs += workMs;
    share.end();
    const endedMs = nowMs;
    nowMs += diskMs;
    await share.turn();
    return nowMs - endedMs;
  };
  return piece;
}

it("FairShare leaves sixteen times as much to a node that is asked for something", async () => {
  const piece = nodeWithTurns(0.01, 1);
  for (let n = 0; n < 100; n++) expect(await piece(2)).toBeCloseTo(32);
});

it("FairShare leaves it to one that reads, too, which only takes time", async () => {
  const piece = nodeWithTurns(1, 0);
  for (let n = 0; n < 100; n++) expect(await piece(2)).toBeCloseTo(32);
});

it("FairShare needs no pause after a long turn, and counts the time of the disk", async () => {
  expect(await nodeWithTurns(32, 1)(2)).toBe(32);
  expect(await nodeWithTurns(1, 1)(2, 31)).toBe(32);
});

it("FairShare goes on at once when nothing has been asked for forty pieces", async () => {
  const piece = nodeWithTurns(0.01, 0);
  for (let n = 1; n < 40; n++) expect(await piece(2)).toBeCloseTo(32);
  expect(await piece(2)).toBeCloseTo(0.01);
});

it("FairShare goes on where time stands still, as in a simulation", async () => {
  expect(await nodeWithTurns(0, 1)(0)).toBe(0);
});

it("FairShare does not wait long for one slow piece", async () => {
  expect(await nodeWithTurns(0.01, 1)(5_000)).toBeCloseTo(100);
});
