import {
  type Entry,
  LOG_ORIGIN,
  type LogIndex,
  type MembershipChange,
  type MembershipConfiguration,
  NOOP,
  type NodeId,
  type Term,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { AppliedConfiguration } from "./applied-configuration.js";

const one: MembershipConfiguration = {
  logId: LOG_ORIGIN,
  members: [{ id: 1 as NodeId, address: "a:1", status: "active" }],
  outgoingVoters: undefined,
};
const add = (id: number): MembershipChange => ({
  kind: "addNode",
  nodeId: id as NodeId,
  address: `n:${id}`,
  status: "promotable",
});
const entry = (index: number, change?: MembershipChange): Entry => ({
  index: index as LogIndex,
  term: 1 as Term,
  payload: change === undefined ? NOOP : { kind: "config", change },
});
const ids = ({ current }: AppliedConfiguration) => current.members.map(({ id }) => id);

describe("AppliedConfiguration.follow", () => {
  it("follows the changes of the log and says which entry made the current one", () => {
    const applied = new AppliedConfiguration(one);
    expect(applied.follow(entry(1))).toBe(false);
    expect(applied.follow(entry(2, add(2)))).toBe(true);
    expect(applied.follow(entry(3, add(3)))).toBe(true);
    expect(ids(applied)).toEqual([1, 2, 3]);
    expect(applied.current.logId).toEqual({ term: 1, index: 3 });
  });

  it("does not repeat a change that a newer snapshot holds already", () => {
    const applied = new AppliedConfiguration(one);
    applied.replace({ ...one, logId: { term: 1 as Term, index: 5 as LogIndex } });
    expect(applied.follow(entry(4, add(2)))).toBe(false);
    expect(ids(applied)).toEqual([1]);
    expect(applied.follow(entry(6, add(3)))).toBe(true);
    expect(ids(applied)).toEqual([1, 3]);
  });

  it("stops at a leave outside of a joint configuration (rule R12)", () => {
    const applied = new AppliedConfiguration(one);
    expect(() => applied.follow(entry(1, { kind: "leaveJoint" }))).toThrow(/leav/);
  });
});
