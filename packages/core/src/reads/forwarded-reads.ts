import type { NodeId, RequestId } from "../ids.js";
import type { ReadIndexId } from "../message.js";

/** A read of this node that waits for the leader's answer. */
export interface ForwardedRead {
  readonly requestId: RequestId;
  readonly leaderId: NodeId;
  readonly sentMs: number;
}

/**
 * The reads for which a follower or learner has asked the leader for an index. Ids are never used
 * twice, over restarts neither: the answer to a first try must not confirm a second one, which
 * may have begun after a later write (scenario 39, rule R4).
 */
export class ForwardedReads {
  readonly #nonce: number;
  #sequence = 0;
  readonly #pending = new Map<number, ForwardedRead>();

  constructor(nonce: number) {
    this.#nonce = nonce;
  }

  get size(): number {
    return this.#pending.size;
  }

  add(read: ForwardedRead): ReadIndexId {
    this.#sequence++;
    this.#pending.set(this.#sequence, read);
    return { nonce: this.#nonce, sequence: this.#sequence };
  }

  /** Removes the read that `id` names; `undefined` for one answered, given up, or foreign. */
  take(id: ReadIndexId, from: NodeId): ForwardedRead | undefined {
    if (id.nonce !== this.#nonce) return undefined;
    const read = this.#pending.get(id.sequence);
    if (read === undefined || read.leaderId !== from) return undefined;
    this.#pending.delete(id.sequence);
    return read;
  }

  /** Removes every read sent before `beforeMs`. */
  takeOlder(beforeMs: number): readonly ForwardedRead[] {
    const old: ForwardedRead[] = [];
    for (const [sequence, read] of this.#pending) {
      if (read.sentMs >= beforeMs) break; // in order of sending
      old.push(read);
      this.#pending.delete(sequence);
    }
    return old;
  }

  /** Removes every read that was asked of another node than `leaderId`. */
  takeOthers(leaderId: NodeId | undefined): readonly ForwardedRead[] {
    const others: ForwardedRead[] = [];
    for (const [sequence, read] of this.#pending) {
      if (read.leaderId === leaderId) continue;
      others.push(read);
      this.#pending.delete(sequence);
    }
    return others;
  }
}
