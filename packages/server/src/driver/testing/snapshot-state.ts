import type { Entry, SnapshotLabel } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { AppliedConfiguration } from "../applied-configuration.js";
import { applyEntry } from "../apply-pipeline.js";
import { loadNewestSnapshot } from "../snapshots/load-newest-snapshot.js";
import { put } from "./commands.js";
import type { ManualStorage } from "./manual-storage.js";
import { follow } from "./outcome.js";
import type { RunningKvNode } from "./start-kv-node.js";
import type { VirtualClock } from "./virtual-clock.js";

/** The state that the newest snapshot of a closed or crashed storage holds. */
export async function stateInSnapshot(storage: ManualStorage, clock: VirtualClock) {
  const opened = await storage.open({
    createIdentity: () => {
      throw new Error("the storage is new");
    },
  });
  const store = new KvStateMachine();
  const loading = loadNewestSnapshot({ storage: opened, stateMachine: store, clock });
  const loaded = follow(loading);
  await clock.advanceUntil(() => loaded().kind !== "pending");
  const covered = await loading;
  storage.crash();
  return { store, covered };
}

/** The state that the entries up to a label make. */
export function stateFromEntries(entries: readonly Entry[], label: SnapshotLabel): KvStateMachine {
  const store = new KvStateMachine();
  const configuration = new AppliedConfiguration({
    logId: { term: 0, index: 0 } as SnapshotLabel["lastIncluded"],
    members: [],
    outgoingVoters: undefined,
  });
  for (const entry of entries) {
    if (entry.index <= label.lastIncluded.index) applyEntry(store, configuration, entry);
  }
  return store;
}

/** Writes `count` keys of about `bytes` each, and waits until all are acknowledged. */
export async function fill(
  { node, clock }: RunningKvNode,
  count: number,
  bytes = 100,
  value = "v",
): Promise<void> {
  const writes = Array.from({ length: count }, (_, at) =>
    follow(node.write(put(`key-${at}`, `${value}${at}-`.padEnd(bytes, "x")))),
  );
  const done = await clock.advanceUntil(() => writes.every((write) => write().kind !== "pending"));
  const failed = writes.filter((write) => write().kind !== "resolved").length;
  if (!done || failed > 0) throw new Error(`${failed} of ${count} writes failed`);
}
