import {
  type BatchId,
  type Entry,
  LOG_ORIGIN,
  type LogIndex,
  type MembershipChange,
  type MembershipConfiguration,
  type NodeId,
  type Term,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import { ManualStorage } from "./testing/manual-storage.js";
import { startKvNode } from "./testing/start-kv-node.js";
import { VirtualClock } from "./testing/virtual-clock.js";

const add = (id: number): MembershipChange => ({
  kind: "addNode",
  nodeId: id as NodeId,
  address: `n:${id}`,
  status: "promotable",
});

/** A disk on which this node wrote these changes, one entry each, and knows some as committed. */
async function diskWith(changes: readonly MembershipChange[], committed: number) {
  const clock = new VirtualClock();
  const storage = new ManualStorage(clock);
  const identity = {
    nodeId: 1 as NodeId,
    clusterId: "c".repeat(32),
    instanceId: "1".repeat(32),
    bootstrap: {
      logId: LOG_ORIGIN,
      members: [{ id: 1 as NodeId, address: "a:1", status: "active" as const }],
      outgoingVoters: undefined,
    },
    joinedAt: LOG_ORIGIN.index,
  };
  const { log, close } = await storage.open({ createIdentity: () => identity });
  const entries = changes.map(
    (change, at): Entry => ({
      index: (at + 1) as LogIndex,
      term: 1 as Term,
      payload: { kind: "config", change },
    }),
  );
  log.write({
    batch: 1 as BatchId,
    hardState: undefined,
    entries,
    commitIndex: committed as LogIndex,
  });
  await close();
  return { clock, storage };
}

const ids = ({ members }: MembershipConfiguration) => members.map(({ id }) => id);

describe("recover", () => {
  it("follows the membership changes that are applied, and hands the rest to the core", async () => {
    const disk = await diskWith([add(2), add(3)], 1);
    const { node } = await startKvNode(disk);
    expect(ids(node.driver.configuration)).toEqual([1, 2]);
    expect(ids(node.status().configuration)).toEqual([1, 2, 3]);
    await disk.clock.advance(3_000);
    expect(ids(node.driver.configuration)).toEqual([1, 2, 3]);
  });

  it("tells the state machine of the members as of each entry, after the entry", async () => {
    const disk = await diskWith([add(2), add(3)], 2);
    const store = new KvStateMachine();
    const told: [number, number[]][] = [];
    const watched = Object.assign(store, {
      configured: (to: MembershipConfiguration) => told.push([store.lastApplied, ids(to)]),
    });
    await startKvNode({ ...disk, store: watched });
    expect(told).toEqual([
      [1, [1, 2]],
      [2, [1, 2, 3]],
    ]);
  });

  it("follows changes that a state machine of its own durability holds already", async () => {
    const disk = await diskWith([add(2), add(3)], 2);
    const store = new KvStateMachine();
    store.skip(1 as LogIndex);
    store.skip(2 as LogIndex);
    const { node } = await startKvNode({ ...disk, store });
    expect(ids(node.driver.configuration)).toEqual([1, 2, 3]);
  });
});
