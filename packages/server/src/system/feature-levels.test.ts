import {
  EngineError,
  LOG_ORIGIN,
  type MembershipConfiguration,
  type NodeId,
  nodeId,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { KV_COMMANDS_LEVEL } from "../driver/feature-gate.js";
import { silentLogger } from "../driver/logger.js";
import { FeatureLevels } from "./feature-levels.js";
import { decodeSystemCommand, type SystemCommand } from "./system-command.js";

/** The leader of three, which has heard this from the others. */
function leaderOfThree(announced: Readonly<Record<number, number>>) {
  const state = {
    recorded: 1,
    announced: { ...announced } as Record<number, number>,
    proposed: [] as SystemCommand[],
    /** What becomes of proposals. */
    answer: (): Promise<void> => Promise.resolve(),
    configuration: configurationOf([1, 2, 3]),
  };
  const gate = new FeatureLevels({
    self: nodeId(1),
    recorded: () => state.recorded,
    configuration: () => state.configuration,
    announced: (id: NodeId) => state.announced[id] ?? 0,
    propose: (command) => {
      state.proposed.push(decodeSystemCommand(command));
      return state.answer();
    },
    logger: silentLogger,
  });
  return { state, refusal: () => gate.refusal(KV_COMMANDS_LEVEL) };
}

function configurationOf(ids: readonly number[]): MembershipConfiguration {
  const members = ids.map((id) => ({
    id: nodeId(id),
    address: `n:${id}`,
    status: "active" as const,
  }));
  return { logId: LOG_ORIGIN, members, outgoingVoters: undefined };
}

describe("FeatureLevels (rule R14)", () => {
  it("records the level in the log before what needs it, once all have announced it", () => {
    const { state, refusal } = leaderOfThree({ 2: 2, 3: 2 });
    expect(refusal()).toBeUndefined();
    expect(state.proposed).toEqual([{ kind: "raiseLevel", level: 2 }]);
    expect(refusal()).toBeUndefined();
    expect(state.proposed).toHaveLength(1);
  });

  it("refuses, naming the nodes that are behind and where they are", () => {
    const { state, refusal } = leaderOfThree({ 2: 1, 3: 2 });
    expect(refusal()).toMatchObject({
      code: "VERSION_MISMATCH",
      message: expect.stringContaining("level 2, which node 2 (n:2) does not know: install"),
    });
    state.announced[3] = 1;
    expect(refusal()?.message).toContain("node 2 (n:2), node 3 (n:3)");
    expect(state.proposed).toEqual([]);
  });

  it("refuses for a while when a node has not been met, and says how to go on", () => {
    const { state, refusal } = leaderOfThree({ 2: 2 });
    expect(refusal()).toMatchObject({
      code: "CLUSTER_UNAVAILABLE",
      message: expect.stringContaining("has not met node 3 (n:3) yet"),
    });
    state.announced[3] = 2;
    expect(refusal()).toBeUndefined();
  });

  it("asks nobody any more once it is recorded: a node may be down, the leader new", () => {
    const { state, refusal } = leaderOfThree({});
    state.recorded = 2;
    expect(refusal()).toBeUndefined();
    expect(state.proposed).toEqual([]);
  });

  it("counts those who leave by a joint change, as entries still go to them", () => {
    const { state, refusal } = leaderOfThree({ 2: 2, 3: 1 });
    const { members } = configurationOf([3]);
    state.configuration = {
      ...configurationOf([1, 2]),
      outgoingVoters: [nodeId(1), nodeId(3)],
      leaving: members,
    };
    expect(refusal()?.message).toContain("node 3 (n:3)");
  });

  it("tries again with the next command when the record came to nothing", async () => {
    const { state, refusal } = leaderOfThree({ 2: 2, 3: 2 });
    state.answer = () => Promise.reject(new EngineError("RATE_LIMITED", "full"));
    expect(refusal()).toBeUndefined();
    await new Promise((resolve) => setImmediate(resolve));
    expect(refusal()).toBeUndefined();
    expect(state.proposed).toHaveLength(2);
  });
});
