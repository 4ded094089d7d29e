import type { LogIndex, NodeId, RequestId } from "../ids.js";
import type { ReadIndexId } from "../message.js";

/** Who waits for a read index: the own driver, or another member that asked for it. */
export type ReadOrigin =
  | { readonly kind: "local"; readonly requestId: RequestId }
  | { readonly kind: "peer"; readonly from: NodeId; readonly id: ReadIndexId };

/** A read that waits for a majority to confirm that the leader still leads (thesis §6.4). */
export interface PendingRead {
  readonly origin: ReadOrigin;
  /** The commit index when the read was taken in; what it must see. */
  readonly index: LogIndex;
  /** The round, begun after the read arrived, that confirms it. */
  readonly round: number;
}

/**
 * The leader's reads, in order of arrival. Reads that arrive before the noop of the term commits
 * are parked (scenario 37); the others are tied to a round begun after their arrival.
 * Bounded by the caller through `size`.
 */
export class ReadQueue {
  #parked: ReadOrigin[] = [];
  #pending: PendingRead[] = [];

  get size(): number {
    return this.#parked.length + this.#pending.length;
  }

  /** The newest round that a read waits for; 0 when none waits. */
  get newestRound(): number {
    return this.#pending[this.#pending.length - 1]?.round ?? 0;
  }

  park(origin: ReadOrigin): void {
    this.#parked.push(origin);
  }

  takeParked(): readonly ReadOrigin[] {
    const parked = this.#parked;
    this.#parked = [];
    return parked;
  }

  add(read: PendingRead): void {
    this.#pending.push(read);
  }

  /** Removes and returns every read whose round is at most `round`. */
  takeConfirmed(round: number): readonly PendingRead[] {
    let count = 0;
    while (count < this.#pending.length && this.#pending[count]!.round <= round) count++;
    return count === 0 ? [] : this.#pending.splice(0, count);
  }

  /** Removes and returns every origin, when leadership ends. */
  takeAll(): readonly ReadOrigin[] {
    const all = [...this.#pending.map((read) => read.origin), ...this.#parked];
    this.#parked = [];
    this.#pending = [];
    return all;
  }
}
