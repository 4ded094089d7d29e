import type { NodeStatus } from "../entry.js";
import type { LogId, NodeId } from "../ids.js";

/** One member as the configuration knows it. */
export interface Member {
  readonly id: NodeId;
  /** `host:port`, dialable by peers and clients. */
  readonly address: string;
  readonly status: NodeStatus;
}

/**
 * The members of a cluster at one position of the log. Immutable. A member is a voter exactly
 * when its status is `active` (rule R12).
 */
export interface MembershipConfiguration {
  /** The entry that made this configuration; (0, 0) for a bootstrap configuration. */
  readonly logId: LogId;
  /** Ordered by id. In a joint configuration these are the members of the new half. */
  readonly members: readonly Member[];
  /** The voters of the old half while two voter sets must agree; otherwise `undefined`. */
  readonly outgoingVoters: readonly NodeId[] | undefined;
  /**
   * In a joint configuration the outgoing voters that the new half does not have. They must be
   * dialed as long as their votes and logs count; ordered by id.
   */
  readonly leaving?: readonly Member[] | undefined;
}
