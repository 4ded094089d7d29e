import { describe, expect, it } from "vitest";
import { ScenarioWorld } from "../scenarios/scenario-world.js";
import { change } from "../support/messages.js";

const electionTimeoutMs = 1000;

/** One thing that is due: the oldest unfinished write, or the oldest message. */
function turn(world: ScenarioWorld): boolean {
  for (const [n, { running, disk }] of world.members) {
    if (!running || disk.pendingCount === 0) continue;
    world.persist(n);
    return true;
  }
  const sent = world.inFlight()[0];
  if (sent !== undefined) world.deliver(sent);
  return sent !== undefined;
}

function run(world: ScenarioWorld, durationMs: number): void {
  for (const endMs = world.nowMs + durationMs; world.nowMs < endMs; world.nowMs += 100) {
    for (const [n, { running }] of world.members) if (running) world.input(n, { kind: "tick" });
    while (turn(world));
    world.applyAll();
  }
}

/** Five voters; 1 leads, and has proposed to remove two of them, or itself and another. */
function changing(removed: readonly number[]): ScenarioWorld {
  const world = new ScenarioWorld({ voters: [1, 2, 3, 4, 5] }, {});
  world.quiet = true;
  for (const n of world.members.keys()) {
    world.setChance(n, n / 10);
    world.start(n);
  }
  world.nowMs += 2 * electionTimeoutMs;
  world.input(1, { kind: "tick" });
  while (turn(world));
  const drop = change.remove(...removed);
  const kind = "changeMembership";
  world.request(1, (requestId) => ({ kind, requestId, change: drop, version: undefined }));
  return world;
}

function crashAfter(turns: number, crashed: readonly number[], removed: readonly number[]) {
  const world = changing(removed);
  for (let done = 0; done < turns; done++) if (!turn(world)) return "over";
  for (const n of crashed) world.crash(n);
  run(world, 3 * electionTimeoutMs);
  for (const n of crashed) world.start(n);
  run(world, 8 * electionTimeoutMs);
  const leaders = [...world.members.values()].filter(({ node }) => node.isLeader);
  expect(leaders, `crash of ${crashed.join()} after ${turns} turns`).toHaveLength(1);
  const status = leaders[0]!.node.status();
  expect(status.changeOutstanding).toBe(false);
  return status.configuration.members.map((member) => member.id).join();
}

const subsets = Array.from({ length: 31 }, (_, bits) =>
  [1, 2, 3, 4, 5].filter((n) => ((bits + 1) >> (n - 1)) & 1),
);

/** I8 and all else is watched by the checker after every step. */
describe("a crash in each step of a joint change (scenario 26)", () => {
  it.each([
    { name: "of two followers", removed: [4, 5], after: "1,2,3" },
    { name: "of the leader and another", removed: [1, 5], after: "2,3,4" },
  ])(
    "finishes or undoes the removal $name (L5)",
    ({ removed, after }) => {
      const outcomes = new Set<string>();
      for (const crashed of subsets) {
        for (let turns = 0; ; turns++) {
          const outcome = crashAfter(turns, crashed, removed);
          if (outcome === "over") break;
          expect([after, "1,2,3,4,5"]).toContain(outcome);
          outcomes.add(outcome);
        }
      }
      expect(outcomes.size, "both come about").toBe(2);
    },
    60_000,
  );
});
