import { describe, expect, it } from "vitest";
import { type IdleStretch, stormIn } from "./l4-no-storm.js";
import { timersPiledUp } from "./l6-bounded.js";

const stretch: IdleStretch = {
  durationMs: 1_000,
  nodes: 3,
  voters: 3,
  broken: 0,
  electionTimeoutMs: 500,
  heartbeatIntervalMs: 100,
  terms: 0,
  messages: 44,
};

describe("stormIn (L4)", () => {
  it("accepts heartbeats and their answers", () => {
    expect(stormIn(stretch)).toBeUndefined();
  });

  it.each([
    { name: "an election", change: { terms: 1 }, told: "terms rose by 1" },
    { name: "twice the messages", change: { messages: 88 }, told: "88 messages among 3 nodes" },
  ])("reports $name", ({ change, told }) => {
    expect(stormIn({ ...stretch, ...change })).toContain(told);
  });

  it("grants broken nodes their questions", () => {
    expect(stormIn({ ...stretch, broken: 1, messages: 84 })).toBeUndefined();
  });
});

describe("timersPiledUp (L6)", () => {
  it("reports a timer that is left behind again and again", () => {
    expect(timersPiledUp(36, 3)).toBeUndefined();
    expect(timersPiledUp(37, 3)).toContain("37 events are planned");
  });
});
