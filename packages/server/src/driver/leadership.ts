import type { LeaderInfo } from "@d-engine/client";
import type { LeaderHint, RaftNode, RoleChange } from "@d-engine/core";
import type { LeaderTracker } from "./leader-tracker.js";
import type { Logger } from "./logger.js";

/** Tells a tracker, and people, who leads: a leader counts from when it can serve. */
export class Leadership {
  readonly #node: RaftNode;
  readonly #tracker: LeaderTracker;
  readonly #logger: Logger;
  /** This node leads, but its noop is not applied: it must be asked again after each step. */
  #becomingReady = false;

  constructor(node: RaftNode, tracker: LeaderTracker, logger: Logger) {
    this.#node = node;
    this.#tracker = tracker;
    this.#logger = logger;
  }

  roleChanged(change: RoleChange): void {
    this.#becomingReady = change.role === "leader";
    const leader = change.leaderId === undefined ? "no leader" : `leader ${change.leaderId}`;
    this.#logger.info(`${change.role} in term ${change.term}, ${leader}: ${change.reason}`);
    this.#tracker.update(this.#usable());
  }

  stepped(): void {
    if (this.#becomingReady) this.#tracker.update(this.#usable());
  }

  /** For itself, a node knows when its noop is applied. */
  #usable(): LeaderInfo | undefined {
    const { leaderId, term } = this.#node;
    if (leaderId === undefined) return undefined;
    if (this.#node.isLeader) {
      if (!this.#node.status().leaderReady) return undefined;
      this.#becomingReady = false;
    }
    return { leaderId, term };
  }
}

/** Where the leader is, as far as the node knows. */
export function leaderHintOf(node: RaftNode): LeaderHint | undefined {
  const { leaderId, configuration } = node;
  if (leaderId === undefined) return undefined;
  const member = configuration.members.find(({ id }) => id === leaderId);
  return { leaderId, address: member?.address ?? "" };
}
