import {
  type Entry,
  LOG_ORIGIN,
  type LogIndex,
  NOOP,
  type StateMachine,
  type Term,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { AppliedConfiguration } from "./applied-configuration.js";
import { ApplyPipeline } from "./apply-pipeline.js";
import { VirtualClock } from "./testing/virtual-clock.js";

describe("ApplyPipeline.drop", () => {
  it("forgets what waits, and goes on behind what has replaced it", async () => {
    const clock = new VirtualClock();
    const machine = {
      lastApplied: 0 as LogIndex,
      validate: () => undefined,
      apply: () => undefined,
      skip: (index: LogIndex) => {
        machine.lastApplied = index;
        clock.stall(1);
      },
    };
    const pipeline = new ApplyPipeline({
      stateMachine: machine as StateMachine,
      configuration: new AppliedConfiguration({
        logId: LOG_ORIGIN,
        members: [],
        outgoingVoters: undefined,
      }),
      clock,
      sliceMs: 1,
      onEntry: () => undefined,
      onSlice: () => undefined,
      onError: (error) => {
        throw error;
      },
    });
    const entries = (from: number, count: number): Entry[] =>
      Array.from({ length: count }, (_, at) => ({
        index: (from + at) as LogIndex,
        term: 1 as Term,
        payload: NOOP,
      }));
    pipeline.push(entries(1, 200));
    expect(machine.lastApplied).toBe(64);
    pipeline.drop();
    machine.lastApplied = 500 as LogIndex;
    await clock.turn();
    expect(machine.lastApplied).toBe(500);
    pipeline.push(entries(501, 3));
    expect(machine.lastApplied).toBe(503);
  });
});
