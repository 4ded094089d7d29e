import { type Entry, type LogIndex, NOOP, type Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.js";
import { ClusterTime, type StampSource } from "./cluster-time.js";

/** Commands of one byte are plain, of two they are stamped with the second. */
function sourceAt(lastStampMs: number): StampSource {
  return { lastStampMs, stampOf: (command) => command[1] };
}

function stamped(...stamps: (number | undefined)[]): Entry[] {
  return stamps.map((stamp, at) => ({
    index: (at + 1) as LogIndex,
    term: 1 as Term,
    payload: stamp === undefined ? NOOP : { kind: "command", command: Uint8Array.of(0, stamp) },
  }));
}

/** A node that has recovered a state with this stamp. */
function timeAt(stampMs: number, clock = new VirtualClock()) {
  const time = new ClusterTime(clock, sourceAt(stampMs));
  time.restored();
  return { time, clock };
}

describe("ClusterTime", () => {
  it("is the highest stamp and the time since it was received (R15)", async () => {
    const { time, clock } = timeAt(0);
    await clock.advance(70);
    time.received(stamped(undefined, 100, 90), false);
    expect(time.nowMs()).toBe(100);
    expect(time.newestStampMs).toBe(100);
    await clock.advance(50);
    expect(time.nowMs()).toBe(150);
  });

  it("begins above zero, so that every stamp shows", () => {
    const { time } = timeAt(0);
    expect(time.nowMs()).toBe(1);
    expect(time.newestStampMs).toBe(0);
  });

  it("goes on from the stamps of state and log after a restart, time while down left out", () => {
    const { time, clock } = timeAt(40);
    time.restored(stamped(60, undefined, 50));
    expect(time.nowMs()).toBe(60);
    clock.stall(10);
    expect(time.nowMs()).toBe(70);
  });

  it("goes on from an installed snapshot only if that knows a higher stamp", async () => {
    const clock = new VirtualClock();
    const source = { ...sourceAt(0), lastStampMs: 50 };
    const time = new ClusterTime(clock, source);
    time.restored();
    await clock.advance(100);
    time.restored();
    expect(time.nowMs()).toBe(150);
    time.restored(stamped(20));
    expect(time.nowMs()).toBe(150);
    source.lastStampMs = 120;
    time.restored();
    expect(time.nowMs()).toBe(120);
  });

  it("never takes notice of the wall clock (scenario 41)", async () => {
    const { time, clock } = timeAt(50);
    clock.setWall(24 * 3_600_000);
    expect(time.nowMs()).toBe(50);
    clock.setWall(-48 * 3_600_000);
    await clock.advance(5);
    expect(time.nowMs()).toBe(55);
  });

  it("counts a pause of the node (scenario 64)", () => {
    const { time, clock } = timeAt(50);
    clock.stall(7_000);
    expect(time.nowMs()).toBe(7_050);
  });

  it("loses nothing to the way of its own stamps into the log while it leads (T2)", async () => {
    const { time, clock } = timeAt(1);
    for (let written = 0; written < 100; written += 1) {
      const stampMs = time.nowMs();
      await clock.advance(0.9);
      time.received(stamped(stampMs), true);
      expect(time.newestStampMs).toBe(stampMs);
    }
    expect(time.nowMs()).toBe(91);
  });

  it("is corrected by each stamp of a leader, so that a fast clock gains for no longer", async () => {
    const { time, clock } = timeAt(1);
    for (let second = 1; second <= 20; second += 1) {
      await clock.advance(20);
      time.received(stamped(second * 10), false);
      expect(time.nowMs()).toBe(second * 10);
    }
  });

  it("is not moved by a stamp below the highest one, of a leader that knew less", async () => {
    const { time, clock } = timeAt(100);
    await clock.advance(10);
    time.received(stamped(99, 100), false);
    expect(time.nowMs()).toBe(110);
    expect(time.newestStampMs).toBe(100);
  });

  it("goes on without a jump when the node begins to lead (scenario 64)", async () => {
    const { time, clock } = timeAt(1);
    time.received(stamped(100), false);
    await clock.advance(30);
    const stampMs = time.nowMs();
    expect(stampMs).toBe(130);
    time.received(stamped(stampMs), true);
    expect(time.nowMs()).toBe(130);
  });

  it("looks at no entry of a state machine without stamps", () => {
    const time = new ClusterTime(new VirtualClock());
    time.restored(stamped(50));
    time.received(stamped(100), false);
    expect(time.nowMs()).toBe(1);
  });
});
