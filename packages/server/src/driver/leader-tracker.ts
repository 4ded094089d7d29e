import type { LeaderInfo } from "@d-engine/client";
import type { LeaderHint, NodeId, RaftNode } from "@d-engine/core";

export type LeaderListener = (leader: LeaderInfo | undefined) => void;

/**
 * Who leads and can serve, as this node knows it, and who wants to hear of changes. Listeners are
 * called once for each change, never twice with equal values, and a last time when the node ends.
 */
export class LeaderTracker {
  #current: LeaderInfo | undefined;
  #ended = false;
  readonly #listeners = new Set<LeaderListener>();

  get current(): LeaderInfo | undefined {
    return this.#current;
  }

  /** The node has ended: there will be no leader, and no further call. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Calls back on every change from now on; the returned function ends that. */
  subscribe(listener: LeaderListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  update(leader: LeaderInfo | undefined): void {
    const before = this.#current;
    if (before?.leaderId === leader?.leaderId && before?.term === leader?.term) return;
    this.#current = leader;
    this.#notify();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#current = undefined;
    this.#notify();
    this.#listeners.clear();
  }

  #notify(): void {
    const leader = this.#current;
    for (const listener of [...this.#listeners]) listener(leader);
  }
}

/** A leader counts from when it can serve: for itself, a node knows when its noop is applied. */
export function usableLeader(node: RaftNode, self: NodeId): LeaderInfo | undefined {
  const { leaderId, term } = node;
  if (leaderId === undefined) return undefined;
  if (leaderId === self && !node.status().leaderReady) return undefined;
  return { leaderId, term };
}

/** Where the leader is, as far as the node knows. */
export function leaderHintOf(node: RaftNode): LeaderHint | undefined {
  const { leaderId } = node;
  if (leaderId === undefined) return undefined;
  const { members } = node.status().configuration;
  return { leaderId, address: members.find(({ id }) => id === leaderId)?.address ?? "" };
}
