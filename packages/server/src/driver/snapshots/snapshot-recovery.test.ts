import type { MembershipChange, NodeId, RecoveryProgress } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describe, expect, it } from "vitest";
import { recover } from "../recovery.js";
import type { ManualStorage } from "../testing/manual-storage.js";
import { follow, resolved, type Standing } from "../testing/outcome.js";
import { fill } from "../testing/snapshot-state.js";
import { startLeader } from "../testing/start-kv-node.js";
import type { VirtualClock } from "../testing/virtual-clock.js";

const addFour: MembershipChange = {
  kind: "addNode",
  nodeId: 4 as NodeId,
  address: "d:4",
  status: "readOnly",
};

/** A disk with a snapshot that knows node 4, and a log of 21 entries behind it. */
async function diskWithSnapshot() {
  const leader = await startLeader({ options: { logTailBytes: 0 } });
  const { clock, storage, node } = leader;
  await fill(leader, 50);
  await resolved(clock, node.driver.changeMembership(addFour));
  await resolved(clock, node.driver.saveSnapshot());
  await clock.advance(10);
  await fill(leader, 20, 20, "behind");
  await fill(leader, 1, 20, "last");
  storage.crash();
  return { clock, storage, label: storage.snapshots.newest };
}

/** Recovers once, and leaves the disk as it was. */
async function recovering(storage: ManualStorage, clock: VirtualClock, store: KvStateMachine) {
  const opened = await storage.open({
    createIdentity: () => {
      throw new Error("the storage is new");
    },
  });
  const progress: RecoveryProgress[] = [];
  const recovered = recover({
    storage: opened,
    stateMachine: store,
    clock,
    onProgress: (step) => progress.push(step),
  });
  const standing = follow(recovered);
  await clock.advanceUntil(() => standing().kind !== "pending");
  const { handles } = storage.snapshots;
  storage.crash();
  return { standing: standing(), progress, handles };
}

/** What recovery returned. */
function value<T>(standing: Standing<T>): T {
  if (standing.kind !== "resolved") throw new Error(`it is ${standing.kind}`);
  return standing.value;
}

describe("recover with a snapshot", () => {
  it("loads it, replays what lies behind, and tells how far it is", async () => {
    const { clock, storage, label } = await diskWithSnapshot();
    const store = new KvStateMachine();
    const { standing, progress, handles } = await recovering(storage, clock, store);
    const recovered = value(standing);
    const index = label?.lastIncluded.index ?? 0;
    expect(recovered.base).toEqual(label?.lastIncluded);
    expect(recovered.appliedIndex).toBeGreaterThan(index);
    expect(recovered.replayed.entries).toBe(recovered.appliedIndex - index);
    expect(recovered.replayed.bytes).toBeGreaterThan(20 * 20);
    expect(progress.map(({ phase }) => phase)).toEqual(["snapshot", "replay"]);
    expect(progress[0]).toMatchObject({ done: label?.bytes, total: label?.bytes, unit: "bytes" });
    expect(handles).toBe(0);
  });

  it("takes the members from it, and tells the state machine", async () => {
    const { clock, storage } = await diskWithSnapshot();
    const store = new KvStateMachine();
    const told: (readonly number[])[] = [];
    const configured = ({ members }: { readonly members: readonly { id: number }[] }): number =>
      told.push(members.map(({ id }) => id));
    Object.assign(store, { configured });
    const { standing } = await recovering(storage, clock, store);
    const { configuration } = value(standing);
    expect(configuration.members.map(({ id }) => id)).toEqual([1, 4]);
    expect(configuration.logId.index).toBe(52);
    expect(told).toEqual([[1, 4]]);
  });

  it("leaves alone a state machine that keeps its own state and is ahead", async () => {
    const { clock, storage, label } = await diskWithSnapshot();
    const ahead = new KvStateMachine();
    value((await recovering(storage, clock, ahead)).standing);
    expect(ahead.lastApplied).toBeGreaterThan(label?.lastIncluded.index ?? 0);
    Object.assign(ahead, { restore: undefined });
    const before = ahead.stateHash();
    const { standing } = await recovering(storage, clock, ahead);
    expect(value(standing).configuration.members).toHaveLength(2);
    expect(ahead.stateHash()).toBe(before);
  });

  it("refuses a state machine that cannot load it, and says what to do", async () => {
    const { clock, storage } = await diskWithSnapshot();
    const store = new KvStateMachine();
    Object.assign(store, { restore: undefined });
    const { standing } = await recovering(storage, clock, store);
    expect(standing).toMatchObject({ kind: "rejected", code: "INVALID_REQUEST" });
  });

  it("refuses a damaged one (scenario 54)", async () => {
    const { clock, storage } = await diskWithSnapshot();
    const { bytes } = storage.snapshots.disk.complete.at(-1) ?? {};
    if (bytes === undefined) throw new Error("no snapshot");
    for (const at of [0, 40, bytes.length >> 1, bytes.length - 1]) {
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const { standing, handles } = await recovering(storage, clock, new KvStateMachine());
      expect(standing).toMatchObject({ kind: "rejected" });
      expect(handles).toBe(0);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
    }
    value((await recovering(storage, clock, new KvStateMachine())).standing);
  });

  it("refuses a log that begins behind what any snapshot covers", async () => {
    const { clock, storage } = await diskWithSnapshot();
    storage.snapshots.disk.complete.length = 0;
    const { standing } = await recovering(storage, clock, new KvStateMachine());
    expect(standing).toMatchObject({ kind: "rejected", code: "DATA_CORRUPTION" });
  });

  it("ends early when the start is given up", async () => {
    const { clock, storage } = await diskWithSnapshot();
    const opened = await storage.open({ createIdentity: () => Promise.reject(new Error("new")) });
    const ending = new AbortController();
    const standing = follow(
      recover({
        storage: opened,
        stateMachine: new KvStateMachine(),
        clock,
        signal: ending.signal,
      }),
    );
    ending.abort(new Error("given up"));
    await clock.advance(1_000);
    expect(standing()).toMatchObject({ kind: "threw", reason: { message: "given up" } });
    expect(storage.snapshots.handles).toBe(0);
  });
});
