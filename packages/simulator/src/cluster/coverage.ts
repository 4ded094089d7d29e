import type { Message, RaftStatus } from "@d-engine/core";
import type { DriverMetrics } from "@d-engine/server/driver";

/**
 * How often the rare branches were reached. A run over many seeds that leaves one at zero does
 * not test what it claims to.
 */
export class Coverage {
  readonly counts = new Map<string, number>(coverageNames.map((name) => [name, 0]));

  add(name: CoverageName, count = 1): void {
    if (count > 0) this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }

  merge(other: ReadonlyMap<string, number>): void {
    for (const [name, count] of other) this.counts.set(name, (this.counts.get(name) ?? 0) + count);
  }

  get missing(): readonly string[] {
    return [...this.counts].filter(([, count]) => count === 0).map(([name]) => name);
  }

  logged(message: string): void {
    for (const [name, pattern] of logPatterns) if (message.includes(pattern)) this.add(name);
  }

  sent(message: Message): void {
    if (message.kind === "appendEntriesResponse") {
      if (message.result.kind === "conflict") {
        this.add(
          message.result.term === undefined ? "conflict: log too short" : "conflict: other term",
        );
      }
      if (message.result.kind === "higherTerm") this.add("append refused with a higher term");
    } else if (message.kind === "requestVoteResponse") {
      this.add(message.granted ? "vote granted" : "vote refused");
    } else if (message.kind === "preVoteResponse") {
      this.add(message.granted ? "pre-vote granted" : "pre-vote refused");
    } else if (message.kind === "readIndexResponse") {
      this.add(message.index === undefined ? "forwarded read refused" : "forwarded read answered");
    } else if (message.kind === "readIndex") this.add("read forwarded to the leader");
  }

  stepped(status: RaftStatus, before: RaftStatus | undefined): void {
    if (before === undefined) return;
    if (before.role === "leader" && status.term > before.term) {
      this.add("leader deposed by a higher term");
    }
    if (status.last.index < before.last.index) this.add("log became shorter");
    if (status.configuration.logId !== before.configuration.logId)
      this.#reconfigured(status, before);
    if (status.role === "leader" && status.durableIndex < status.commitIndex) {
      this.add("commit ahead of the leader's own disk");
    }
    if (status.droppedMessages > before.droppedMessages) this.add("impossible message dropped");
    if (status.peers.some((peer) => peer.state === "probe")) this.add("peer in probe");
    if (status.peers.some((peer) => peer.state === "snapshot")) this.add("peer in snapshot");
  }

  #reconfigured(status: RaftStatus, before: RaftStatus): void {
    const { logId, members, outgoingVoters } = status.configuration;
    const { configuration: old } = before;
    if (logId.index < old.logId.index) this.add("conflict truncated a configuration");
    if (status.role !== "leader" || logId.index <= old.logId.index) return;
    if (outgoingVoters !== undefined) this.add("joint entered");
    else if (old.outgoingVoters !== undefined && old.logId.term < logId.term) {
      this.add("joint left by another leader");
    }
    if (!members.some(({ id }) => id === status.id)) this.add("leader removed");
  }

  metrics(metrics: DriverMetrics): void {
    this.add("lease read served", metrics.readsLease);
    this.add("lease read refused, asked for a round", metrics.leaseFallbacks);
    this.add("proposal refused", metrics.proposalsRefused);
    this.add("wall clock jump noticed", metrics.clockJumps);
    this.add("apply cut into slices", metrics.applySlices);
    this.add("snapshot saved", metrics.snapshotsMade);
    this.add("snapshot installed", metrics.snapshotsInstalled);
    this.add("snapshot chunk damaged", metrics.snapshotChunksDamaged);
    this.add("log purged", metrics.logPurges);
    this.add("log tail dropped", metrics.logTailsDropped);
    this.add("transfer hold dropped", metrics.transferHoldsDropped);
  }
}

const coverageNames = [
  "leader elected",
  "leader stepped down: no majority heard",
  "leader deposed by a higher term",
  "vote granted",
  "vote refused",
  "pre-vote granted",
  "pre-vote refused",
  "conflict: log too short",
  "conflict: other term",
  "append refused with a higher term",
  "log became shorter",
  "commit ahead of the leader's own disk",
  "peer in probe",
  "peer in snapshot",
  "snapshot saved",
  "snapshot installed",
  "snapshot chunk damaged",
  "snapshot resumed",
  "state restored at start",
  "snapshot pulled by a node that joins",
  "log purged",
  "log reset",
  "log reset at start",
  "entries read back from disk",
  "read forwarded to the leader",
  "forwarded read answered",
  "forwarded read refused",
  "lease read served",
  "lease read refused, asked for a round",
  "proposal refused",
  "wall clock jump noticed",
  "outcome unknown",
  "transaction answered",
  "transaction of unknown outcome",
  "watched event",
  "watch ended: compacted",
  "lease kept alive",
  "message duplicated",
  "message strayed",
  "disk failure stopped a node",
  "torn tail cut",
  "disk full: writes refused",
  "damaged log refused",
  "conflict truncated a configuration",
  "joint entered",
  "joint left by another leader",
  "leader removed",
  "learner promoted automatically",
  "NODE_REMOVED",
  "change refused: not the leader",
  "change refused: another in progress",
  "change refused: other version",
  "change refused: learner not ready",
  "change refused: quorum at risk",
  "change refused: makes no sense",
  "change refused: noop not committed",
  "change of unknown outcome",
  "routed call answered",
  "routed call refused",
  "routed call unknown",
] as const;

export type CoverageName =
  | (typeof coverageNames)[number]
  | "apply cut into slices"
  | "impossible message dropped"
  | "change refused otherwise"
  | "log tail dropped"
  | "transfer hold dropped";

const logPatterns: readonly (readonly [CoverageName, string])[] = [
  ["leader elected", "elected by a majority"],
  ["leader stepped down: no majority heard", "no majority heard"],
  ["disk failure stopped a node", "EIO"],
  ["torn tail cut", "cut an incomplete batch"],
  ["disk full: writes refused", "no room for another log segment; writes"],
];
