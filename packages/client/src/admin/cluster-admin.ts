import type { LogId, NodeId } from "@d-engine/core";
import type { CallOptions, MemberInfo } from "../engine-client.js";

/** The members of a cluster, as the answering node knows them. */
export interface ClusterMembers {
  /** The index of the configuration's entry in the log; 0 for the first members. */
  readonly version: number;
  /** `undefined` while nobody leads who can serve. */
  readonly leaderId: NodeId | undefined;
  readonly members: readonly MemberInfo[];
}

/** A node that is to join. */
export interface NewMember {
  readonly id: number;
  /** `host:port` at which the others and clients reach it. */
  readonly address: string;
  /**
   * `promotable` learners become voters when they have caught up, `readOnly` ones never do.
   * @defaultValue "promotable"
   */
  readonly status?: "promotable" | "readOnly" | undefined;
}

/** Options of a change of the members. */
export interface ChangeOptions extends CallOptions {
  /**
   * The `version` that the caller has seen: the change is refused with `VERSION_CONFLICT` when the
   * members are others by now.
   * @defaultValue not checked
   */
  readonly version?: number | undefined;
}

/** The outcome of a change of the members. */
export interface MembersChanged {
  /** The version of the configuration that came of it. */
  readonly version: number;
}

/** Options of what is taken of the state of one node. */
export interface SnapshotOptions extends CallOptions {
  /**
   * `linearizable`: holds every write acknowledged before the call. `eventual`: holds what the
   * asked node has applied, and works while there is no leader.
   * @defaultValue "linearizable"
   */
  readonly consistency?: "linearizable" | "eventual" | undefined;
}

/** What is known of a snapshot. */
export interface SnapshotInfo {
  /** The last entry whose effect it holds. */
  readonly lastIncluded: LogId;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly checksum: string;
  readonly bytes: number;
}

/**
 * What operators do with a cluster: the same for an engine inside this process and for a cluster
 * reached over gRPC. Changes go to the leader, whichever node that is. Every method rejects with
 * `EngineError`; a change of outcome `unknown` may still take effect: look at `members`.
 *
 * @example
 * await using admin = connectAdmin(["127.0.0.1:9081"]);
 * const { version } = await admin.members();
 * await admin.addMember({ id: 4, address: "10.0.0.4:9081" }, { version });
 */
export interface ClusterAdmin extends AsyncDisposable {
  /**
   * Who is there, and who leads: as the leader has it, when a cluster is asked over gRPC and has one;
   * otherwise, and always for an engine inside this process, as the node does that was asked.
   */
  members(options?: CallOptions): Promise<ClusterMembers>;
  /**
   * Admits a node, as a learner. Resolves when that is committed. The same id at the same address
   * again is no error.
   *
   * @throws EngineError `CHANGE_IN_PROGRESS`, `VERSION_CONFLICT`, `INVALID_REQUEST`
   */
  addMember(member: NewMember, options?: ChangeOptions): Promise<MembersChanged>;
  /**
   * Removes one or several members. Several voters at once go through a joint configuration, and
   * either all of them go or none.
   *
   * @throws EngineError `CHANGE_IN_PROGRESS`, `VERSION_CONFLICT`, `INVALID_REQUEST`, and
   *   `QUORUM_AT_RISK` when those that would be left are no majority that answers
   */
  removeMember(ids: number | readonly number[], options?: ChangeOptions): Promise<MembersChanged>;
  /**
   * Makes one or several learners voters, all of them or none.
   *
   * @throws EngineError `CHANGE_IN_PROGRESS`, `VERSION_CONFLICT`, `INVALID_REQUEST` for an unknown
   *   or a read-only member, `LEARNER_NOT_READY`
   */
  promoteMember(ids: number | readonly number[], options?: ChangeOptions): Promise<MembersChanged>;
  /**
   * Hands leadership to another voter. Resolves when that leads.
   *
   * @throws EngineError `INVALID_REQUEST` for what is no other voter, `CLUSTER_UNAVAILABLE` when it
   *   did not take over in time
   */
  transferLeadership(id: number, options?: CallOptions): Promise<void>;
  /** Makes a snapshot on one node, in its data directory; its log can then be cut. */
  saveSnapshot(options?: SnapshotOptions): Promise<SnapshotInfo>;
  /**
   * A backup, piece by piece: bytes for one file that `d-engine snapshot restore` takes. Ends after
   * the last byte was compared with the checksum of the node; what rejects before is no backup.
   *
   * @throws EngineError `DATA_CORRUPTION` when the bytes are not those of the node's file
   */
  downloadSnapshot(options?: SnapshotOptions): AsyncIterable<Uint8Array>;
  /** Releases connections. Idempotent. */
  close(): Promise<void>;
}
