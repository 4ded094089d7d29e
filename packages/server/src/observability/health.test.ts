import { expect, it } from "vitest";
import { DISK_HANG_MS, type HealthFacts, judgeHealth } from "./health.js";

const leader: HealthFacts = {
  state: "running",
  diskWaitMs: 0,
  role: "leader",
  leaderId: 1,
  leaderReady: true,
};

it.each<{ name: string; facts: Partial<HealthFacts>; health: string; reason?: string }>([
  { name: "a leader that serves", facts: {}, health: "live ready primary" },
  { name: "a leader whose noop waits", facts: { leaderReady: false }, health: "live" },
  {
    name: "a follower",
    facts: { role: "follower", leaderReady: false },
    health: "live ready replica",
  },
  {
    name: "a learner",
    facts: { role: "learner", leaderReady: false },
    health: "live ready replica",
  },
  {
    name: "a node without a leader",
    facts: { role: "candidate", leaderId: undefined, leaderReady: false },
    health: "live",
    reason: "it knows no leader",
  },
  { name: "a slow disk", facts: { diskWaitMs: DISK_HANG_MS - 1 }, health: "live ready primary" },
  {
    name: "a disk that hangs",
    facts: { diskWaitMs: DISK_HANG_MS },
    health: "",
    reason: "the disk has not finished a write for 10.0 s",
  },
  {
    name: "a node that failed",
    facts: { state: "failed" },
    health: "",
    reason: "the node is failed",
  },
])("$name is: $health", ({ facts, health, reason }) => {
  const { reasons, ...judged } = judgeHealth({ ...leader, ...facts });
  const words = Object.entries(judged).flatMap(([word, holds]) => (holds ? [word] : []));
  expect(words.join(" ")).toBe(health);
  if (reason !== undefined) expect(reasons).toContain(reason);
  expect(reasons.length > 0).toBe(!judged.ready);
});
