import type { Message, NodeId } from "@d-engine/core";

/** The unary calls of peers that this node has not answered yet. */
interface PendingAnswer {
  readonly kind: Message["kind"];
  /** Which of several calls of one kind an answer belongs to, where the message says so. */
  readonly tag: string;
  readonly answer: (message: Message) => void;
}

/**
 * Leads the core's answers back to the calls that asked. The core sees messages, not calls; an
 * answer goes to the oldest call of its kind and tag. Every answer says by itself what it
 * answers (term, campaign term, read id), so one that went to a sibling call would do no harm.
 * Bounded per peer: beyond it the oldest call is given up, and its deadline ends it.
 */
export class PendingAnswers {
  readonly #max: number;
  readonly #byPeer = new Map<NodeId, PendingAnswer[]>();

  constructor(max = 256) {
    this.#max = max;
  }

  /** Returns what removes the call again, for one that was cancelled. */
  add(peer: NodeId, pending: PendingAnswer): () => void {
    const list = this.#byPeer.get(peer) ?? [];
    this.#byPeer.set(peer, list);
    list.push(pending);
    if (list.length > this.#max) list.shift();
    return () => {
      const at = list.indexOf(pending);
      if (at >= 0) list.splice(at, 1);
    };
  }

  /** Gives the message to its call; false when none waits for it. */
  resolve(peer: NodeId, kind: Message["kind"], tag: string, message: Message): boolean {
    const list = this.#byPeer.get(peer);
    const at = list?.findIndex((pending) => pending.kind === kind && pending.tag === tag) ?? -1;
    if (list === undefined || at < 0) return false;
    const [pending] = list.splice(at, 1);
    pending!.answer(message);
    return true;
  }

  count(peer: NodeId): number {
    return this.#byPeer.get(peer)?.length ?? 0;
  }
}
