import type { LeaderHint, SnapshotFile, Term } from "@d-engine/core";

/** Where learners pull snapshots from: the node behind the port. */
export interface SnapshotSource {
  /** The term in which this node leads; `undefined` when it does not. */
  leadingTerm(): Term | undefined;
  leaderHint(): LeaderHint | undefined;
  /** The newest complete snapshot; one is made when there is none. Closed by the caller. */
  openSnapshot(): Promise<SnapshotFile>;
  /** @defaultValue no bound */
  readonly bytesPerSecondMax?: number;
}
