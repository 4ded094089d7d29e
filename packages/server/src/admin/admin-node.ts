import type {
  LogIndex,
  MembershipChange,
  MembershipConfiguration,
  NodeId,
  SnapshotFile,
  SnapshotLabel,
} from "@d-engine/core";
import type { DeadlineOptions, LocalNode } from "../driver/local-node.js";

/** What one node can do for operators, without forwarding: a `Driver` is one. */
export interface AdminNode {
  /** Resolves when the change is committed and applied here. */
  changeMembership(
    change: MembershipChange,
    options?: DeadlineOptions & { readonly version?: LogIndex | undefined },
  ): Promise<MembershipConfiguration>;
  transferLeadership(target: NodeId): Promise<void>;
  saveSnapshot(options?: Pick<DeadlineOptions, "signal">): Promise<SnapshotLabel>;
  /** Of the newest complete snapshot; `undefined` when there is none. */
  readonly newestSnapshot: SnapshotLabel | undefined;
  /** The newest; one is made when there is none. Closed by the caller. */
  openSnapshot(): Promise<SnapshotFile>;
}

/**
 * Makes a snapshot of this node's state. Unless it may be `eventual`, it holds every write that was
 * acknowledged anywhere before the call.
 */
export async function saveFreshSnapshot(
  node: LocalNode,
  admin: AdminNode,
  options: DeadlineOptions & { readonly eventual: boolean },
): Promise<SnapshotLabel> {
  const { eventual, ...deadline } = options;
  if (!eventual) await node.read([], { ...deadline, consistency: "linearizable" });
  return await admin.saveSnapshot({ signal: options.signal });
}
