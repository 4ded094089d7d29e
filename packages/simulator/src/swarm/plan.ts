import type { Consistency } from "@d-engine/client";
import type { DriverOptions } from "@d-engine/server/driver";
import type { CoordinationProfile } from "../coordination/profile.js";
import type { NodeDiskProfile } from "../disk/node-disk.js";
import type { NetworkProfile } from "../network/network.js";

/** A node by its id, or 0 for whichever leads when the fault strikes. */
export type Target = number;

/** One thing that goes wrong. Times in milliseconds of true time. */
export type Fault = { readonly atMs: number } & (
  | {
      readonly kind: "crash";
      readonly target: Target;
      readonly how: "process" | "power";
      readonly downMs: number;
    }
  /** Every node at the same moment (scenario 50). */
  | { readonly kind: "crashAll"; readonly how: "process" | "power"; readonly downMs: number }
  /** Closes in order, and starts again. */
  | { readonly kind: "restart"; readonly target: Target; readonly downMs: number }
  | { readonly kind: "pause"; readonly target: Target; readonly durationMs: number }
  | {
      readonly kind: "partition";
      readonly shape: PartitionShape;
      readonly target: Target;
      /** The nodes of one side, or the one that bridges, by shape. */
      readonly side: readonly number[];
      readonly durationMs: number;
    }
  | {
      readonly kind: "loss" | "duplicates" | "strays" | "damage";
      readonly rate: number;
      readonly durationMs: number;
    }
  | {
      readonly kind: "slowLink";
      readonly from: number;
      readonly to: number;
      readonly factor: number;
      readonly durationMs: number;
    }
  | { readonly kind: "clockRate"; readonly target: Target; readonly rate: number }
  | { readonly kind: "wallJump"; readonly target: Target; readonly byMs: number }
  | {
      readonly kind: "slowDisk";
      readonly target: Target;
      readonly factor: number;
      readonly durationMs: number;
    }
  | {
      readonly kind: "diskFull";
      readonly target: Target;
      /** What is left. */
      readonly roomBytes: number;
      readonly durationMs: number;
    }
  /** The next sync fails, which stops the node; it is started again later (scenario 55). */
  | { readonly kind: "diskFailure"; readonly target: Target; readonly downMs: number }
  /**
   * From this moment on waits for a node in a certain state, for so many of its events, and ends
   * it: whoever receives a snapshot (scenario 43), or leads a joint configuration (scenario 26).
   */
  | {
      readonly kind: "ambush";
      readonly state: "receiving" | "joint";
      readonly events: number;
      readonly how: "process" | "power" | "stop";
      readonly downMs: number;
    }
  /** Somebody changes the members, or tries to. */
  | MemberFault
  /** A bit of the durable log flips while the node is down: it must not start (scenario 53). */
  | { readonly kind: "bitFlip"; readonly target: Target; readonly downMs: number }
);

export interface MemberFault {
  readonly kind: "members";
  readonly action: MemberAction;
  /** Who is asked. */
  readonly target: Target;
  /** Chooses among the nodes that the action may be about. */
  readonly choice: number;
  readonly status: "promotable" | "readOnly";
  /** Whether the caller has seen the members as they are, or as they were, or does not say. */
  readonly version: "none" | "current" | "old";
  /** Whether the caller waits for less than the change is likely to take. */
  readonly isImpatient: boolean;
  /** Whether it is asked of the next node that is elected, as soon as it is. */
  readonly atElection: boolean;
  /** Whether a node that joins begins with a copy of a snapshot. */
  readonly pulls: boolean;
}

/** `rejoin`: a machine whose node was removed, under its old id with a new directory. */
export type MemberAction =
  | "join"
  | "rejoin"
  | "remove"
  | "removeLeader"
  | "batchRemove"
  | "promote"
  | "batchPromote";

export type FaultKind = Fault["kind"];

/**
 * `isolate`: the target alone. `halves`: `side` against the rest. `deaf`: the target is heard but
 * hears nothing (scenario 8). `mute`: the other way (scenario 7). `bridge`: `side` and the rest
 * reach each other through the target only (scenarios 9 and 10).
 */
export type PartitionShape = "isolate" | "halves" | "deaf" | "mute" | "bridge";

export interface Workload {
  readonly clients: number;
  /** How many of the clients run the production client over a simulated transport (rule R21). */
  readonly routedClients: number;
  readonly keys: number;
  /** Mean pause of a client between two operations. */
  readonly thinkMs: number;
  readonly timeoutMs: number;
  /** Padding of each value: beyond 500 bytes a batch takes several sectors, and can tear. */
  readonly paddingBytes: number;
  readonly mix: Readonly<Record<"put" | "get" | "cas" | "delete", number>>;
  readonly consistency: Readonly<Record<Consistency, number>>;
}

/** How a run ends: everything healed, or a healthy quorum and the rest broken for good. */
export type Ending =
  | { readonly kind: "healAll" }
  | { readonly kind: "quorumOnly"; readonly broken: readonly BrokenNode[] };

export interface BrokenNode {
  readonly id: number;
  readonly how: "crashed" | "deaf" | "mute" | "isolated";
}

export type SnapshotProfile = Pick<
  DriverOptions,
  | "snapshotEntries"
  | "snapshotLogBytes"
  | "logTailBytes"
  | "logBytesMax"
  | "snapshotChunkBytes"
  | "snapshotWindowChunks"
  | "snapshotTransfersMax"
  | "snapshotBytesPerSecond"
>;

/** What the nodes of a run are, and the machines and wires under them. */
export interface ClusterPlan {
  readonly seed: number;
  readonly voters: number;
  readonly learners: number;
  /** Machines without a member at first, for nodes that join; none when it is not said. */
  readonly spares?: number;
  readonly raft: {
    readonly electionTimeoutMs: number;
    readonly heartbeatIntervalMs: number;
    readonly appendEntriesMax: number;
    readonly inflightMessagesMax: number;
    readonly logCacheBytes: number;
    readonly autoPromote?: boolean;
    readonly promotionLagMax?: number;
  };
  readonly network: NetworkProfile;
  readonly disk: NodeDiskProfile;
  /** When snapshots are made and how they are sent; as in production when it is not said. */
  readonly snapshots?: SnapshotProfile;
  /** Chance that a look at the clock is where a process stalls. */
  readonly stallChance: number;
}

/** Everything that a run depends on. A run of the same plan is the same run. */
export interface Plan extends ClusterPlan {
  readonly workload: Workload;
  /** Programs with transactions, watches and leases; none when it is not said. */
  readonly coordination?: CoordinationProfile;
  /** Length of the phase in which things go wrong. */
  readonly faultyMs: number;
  readonly faults: readonly Fault[];
  readonly ending: Ending;
}
