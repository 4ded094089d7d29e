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

describe("ApplyPipeline", () => {
  it("looks at the clock early, as a few entries may be much work (scenario 70)", async () => {
    const clock = new VirtualClock();
    const machine = slowMachine(clock, 4);
    const slices: number[] = [];
    const pipeline = pipelineOver(machine, clock, 10, () => slices.push(clock.nowMs()));
    const startMs = clock.nowMs();
    pipeline.push(entries(1, 40));
    expect(slices.map((atMs) => atMs - startMs)).toEqual([24]);
    await clock.advance(1_000);
    expect(machine.lastApplied).toBe(40);
    expect(slices.length).toBe(7);
  });
});

describe("ApplyPipeline.drop", () => {
  it("forgets what waits, and goes on behind what has replaced it", async () => {
    const clock = new VirtualClock();
    const machine = slowMachine(clock, 1);
    const pipeline = pipelineOver(machine, clock, 1, () => undefined);
    pipeline.push(entries(1, 200));
    expect(machine.lastApplied).toBe(2);
    pipeline.drop();
    machine.lastApplied = 500 as LogIndex;
    await clock.turn();
    expect(machine.lastApplied).toBe(500);
    pipeline.push(entries(501, 2));
    expect(machine.lastApplied).toBe(502);
  });
});

/** Every entry takes it some time. */
function slowMachine(clock: VirtualClock, entryMs: number) {
  const machine = {
    lastApplied: 0 as LogIndex,
    validate: () => undefined,
    apply: () => undefined,
    skip: (index: LogIndex) => {
      machine.lastApplied = index;
      clock.stall(entryMs);
    },
  };
  return machine;
}

function pipelineOver(
  stateMachine: StateMachine,
  clock: VirtualClock,
  sliceMs: number,
  onSlice: () => void,
): ApplyPipeline<unknown> {
  return new ApplyPipeline({
    stateMachine,
    configuration: new AppliedConfiguration({
      logId: LOG_ORIGIN,
      members: [],
      outgoingVoters: undefined,
    }),
    clock,
    sliceMs,
    onEntry: () => undefined,
    onSlice,
    onError: (error) => {
      throw error;
    },
  });
}

function entries(from: number, count: number): Entry[] {
  return Array.from({ length: count }, (_, at) => ({
    index: (from + at) as LogIndex,
    term: 1 as Term,
    payload: NOOP,
  }));
}
