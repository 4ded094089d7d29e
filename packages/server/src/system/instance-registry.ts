import type { LogIndex, MembershipConfiguration, NodeId } from "@d-engine/core";

/** The data directory that a node id had when it was removed from the cluster. */
export interface Removal {
  /** 32 hexadecimal digits. */
  readonly instanceId: string;
  /** The entry that took the node out of the configuration. */
  readonly index: LogIndex;
}

/** Removed directories that are remembered; beyond, the oldest removal is forgotten. */
export const REMOVALS_MAX = 256;

/**
 * Which data directory each member's node id belongs to (rule R13), and which one belonged to it
 * when it was last removed, so that a removed node which comes back can be told. A part of the
 * replicated state: it depends on the entries of the log and on nothing else. So is the level of what
 * the log may hold.
 */
export class InstanceRegistry {
  #level = 1;
  readonly #instances = new Map<NodeId, string>();
  readonly #removals = new Map<NodeId, Removal>();
  /** Whoever counts in the configuration; `undefined` until one was told. */
  #members: ReadonlySet<NodeId> | undefined;

  /** The feature level that every member has announced at some time (rule R14). */
  get level(): number {
    return this.#level;
  }

  raiseLevel(level: number): void {
    this.#level = Math.max(this.#level, level);
  }

  /** Ordered by node id. */
  get instances(): readonly (readonly [NodeId, string])[] {
    return [...this.#instances].sort(([a], [b]) => a - b);
  }

  /** Ordered by node id. */
  get removals(): readonly (readonly [NodeId, Removal])[] {
    return [...this.#removals].sort(([a], [b]) => a - b);
  }

  instanceOf(id: NodeId): string | undefined {
    return this.#instances.get(id);
  }

  removalOf(id: NodeId): Removal | undefined {
    return this.#removals.get(id);
  }

  /**
   * Records a first contact. The first record of an id stands, as two leaders may propose the same
   * contact. A command that was under way while its node was removed comes to nothing, whether the
   * id is back by then or not: it would keep the directory that takes its place from being used.
   */
  register(id: NodeId, instanceId: string): void {
    if (this.#instances.has(id) || this.#members?.has(id) === false) return;
    if (this.#removals.get(id)?.instanceId === instanceId) return;
    this.#instances.set(id, instanceId);
  }

  /**
   * Forgets the instances of nodes that are members no more, so that a node which is added under
   * the same id may come with a new directory. Voters of the old half of a joint configuration are
   * members until it is left.
   */
  configured({ logId, members, outgoingVoters = [] }: MembershipConfiguration): void {
    const current = new Set([...members.map(({ id }) => id), ...outgoingVoters]);
    this.#members = current;
    for (const [id, instanceId] of this.instances) {
      if (current.has(id)) continue;
      this.#instances.delete(id);
      this.remember(id, { instanceId, index: logId.index });
    }
  }

  /** Takes in a record of a snapshot. */
  restoreInstance(id: NodeId, instanceId: string): void {
    this.#instances.set(id, instanceId);
  }

  /** Takes in a removal, in place of an earlier one of the same id. */
  remember(id: NodeId, removal: Removal): void {
    this.#removals.set(id, removal);
    if (this.#removals.size <= REMOVALS_MAX) return;
    // Of two by the same entry the lower id: the order of the map differs after a restoration.
    const [oldest] = this.removals.reduce((a, b) => (b[1].index < a[1].index ? b : a));
    this.#removals.delete(oldest);
  }
}
