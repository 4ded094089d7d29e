import type { LogIndex, NodeId } from "../ids.js";
import type { MembershipConfiguration } from "../membership/configuration.js";
import type { LogStore } from "./log-store.js";
import type { SnapshotStore } from "./snapshot-store.js";

/** Who a data directory belongs to (rule R13). Written once, when the directory is made. */
export interface NodeIdentity {
  readonly nodeId: NodeId;
  /** 32 hexadecimal digits; every member of a cluster has the same. */
  readonly clusterId: string;
  /** 32 hexadecimal digits, random for each data directory ever made. */
  readonly instanceId: string;
  /** The configuration before the first entry of the log. */
  readonly bootstrap: MembershipConfiguration;
  /**
   * The entry that added this node to a running cluster; 0 for a member from the beginning. An
   * earlier removal of the same id was that of a predecessor.
   */
  readonly joinedAt: LogIndex;
}

/** Reports a long recovery, so that people see that it moves. */
export interface RecoveryProgress {
  readonly phase: "log" | "snapshot" | "replay";
  readonly done: number;
  readonly total: number;
  readonly unit: "bytes" | "entries";
}

export interface OpenStorageOptions {
  /**
   * Used when the storage is new; otherwise what is stored wins. May take its time, as a node does
   * that asks a running cluster to let it in: nobody else can have the storage meanwhile.
   */
  readonly createIdentity: () => NodeIdentity | Promise<NodeIdentity>;
  readonly onProgress?: (progress: RecoveryProgress) => void;
  /** One line for people about something unusual that was handled, such as a cut torn tail. */
  readonly onNotice?: (notice: string) => void;
}

export interface OpenedStorage {
  readonly identity: NodeIdentity;
  readonly log: LogStore;
  /** Without it nothing is ever purged, and no peer can be brought up from a snapshot. */
  readonly snapshots?: SnapshotStore | undefined;
  /** Releases the lock on the storage. Idempotent; closes the log first if it is still open. */
  close(): Promise<void>;
}

/** Where a node keeps what must survive. `open` takes the storage for itself alone. */
export interface StorageEngine {
  open(options: OpenStorageOptions): Promise<OpenedStorage>;
}
