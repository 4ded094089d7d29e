import { describe, expect, it } from "vitest";
import { RandomWorld } from "./random-world.js";

/** `RAFT_SEED=123` runs that seed alone, `RAFT_SEEDS=5000` so many of them. */
const { RAFT_SEED, RAFT_SEEDS } = process.env;
const firstSeed = Number(RAFT_SEED ?? 1);
const seeds = Number(RAFT_SEEDS ?? (RAFT_SEED === undefined ? 200 : 1));
const stepsPerSeed = 3500;
/** Counters of what needs several misfortunes at once. */
const rare = new Set(["membersRolledBack", "truncations"]);
const timeoutMs = 60_000 + 100 * seeds;

/** Safety while everything goes wrong; then liveness once it stopped (L1 to L3). */
function runSeed(seed: number): RandomWorld {
  const world = new RandomWorld(seed);
  try {
    world.runFaults(stepsPerSeed);
    world.heal();
    checkRecovery(world);
  } catch (error) {
    const profile = JSON.stringify(world.profile);
    throw new Error(`seed ${seed}: RAFT_SEED=${seed} npx vitest run random-cluster\n${profile}`, {
      cause: error,
    });
  }
  return world;
}

function checkRecovery(world: RandomWorld): void {
  const leads = () => world.nodes.filter((member) => member.node.isLeader).length === 1;
  expect(world.runUntil(leads, 20), "L1: one leader after healing").toBe(true);
  const settled = () => {
    const index = world.checker.committedIndex;
    const { members } = world;
    return (
      members.length > 0 &&
      members.every((member) => {
        const { last, commitIndex, appliedIndex, changeOutstanding } = member.node.status();
        if (changeOutstanding) return false; // L5
        return [last.index, commitIndex, appliedIndex].every((value) => value === index);
      })
    );
  };
  const before = world.checker.committedIndex;
  const more = () => world.checker.committedIndex > before;
  let tries = 0;
  // A late TimeoutNow may still move the lead, and take an entry with it.
  while (!more() && tries++ < 100) {
    world.proposeAtLeader();
    world.runUntil(more, 1);
  }
  expect(more(), "L2: a proposal is committed").toBe(true);
  expect(world.runUntil(settled, 100), "L3, L5: all members agree").toBe(true);
  expect(
    world.runUntil(() => world.unanswered === 0, 5),
    "L2: every request ends",
  ).toBe(true);
}

describe("a cluster under random faults", () => {
  it(
    `keeps its promises and recovers, ${seeds} seeds from ${firstSeed} on`,
    () => {
      const seen = new Map<string, number>();
      for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
        for (const [name, count] of Object.entries(runSeed(seed).counters)) {
          seen.set(name, (seen.get(name) ?? 0) + count);
        }
      }
      if (RAFT_SEEDS !== undefined) console.log(Object.fromEntries(seen));
      // A run in which something rare never happened proves nothing about it.
      if (seeds >= 100) {
        for (const [name, count] of seen) {
          expect(count, name).toBeGreaterThan(seeds / (rare.has(name) ? 50 : 4));
        }
      }
    },
    timeoutMs,
  );

  it("gives the same run for the same seed", () => {
    expect(runSeed(firstSeed).counters).toEqual(runSeed(firstSeed).counters);
  });
});
