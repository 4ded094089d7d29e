import type { LogIndex, NodeId, Reply, RequestId } from "@d-engine/core";

interface OpenRequest {
  readonly owner: NodeId;
  /** The run of the owner's process; a crash takes its requests with it. */
  readonly run: number;
  /** What anybody had committed when a read began: what it must see (I10). */
  readonly floor: LogIndex;
}

/** Every request of a run and its answer: exactly one, and a read misses nothing committed. */
export class RequestBook {
  readonly #open = new Map<RequestId, OpenRequest>();
  #count = 0;

  add(owner: NodeId, run: number, floor: LogIndex): RequestId {
    const requestId = ++this.#count as RequestId;
    this.#open.set(requestId, { owner, run, floor });
    return requestId;
  }

  /** @throws Error for a second answer, a foreign one, and a read that may miss a write (I10) */
  answered(owner: NodeId, reply: Reply, committedIndex: LogIndex): void {
    const request = this.#open.get(reply.requestId);
    if (request?.owner !== owner) {
      throw new Error(`request ${reply.requestId} is answered twice, or by another node`);
    }
    this.#open.delete(reply.requestId);
    if (reply.kind !== "readIndex") return;
    if (reply.index < request.floor) {
      throw new Error(`I10: a read is served at ${reply.index}, began at ${request.floor}`);
    }
    if (reply.index > committedIndex) {
      throw new Error(`I10: a read waits for ${reply.index}, which is not committed`);
    }
  }

  /** How many requests have no answer, of those whose process still is in the run that asked. */
  unanswered(runOf: (owner: NodeId) => number): number {
    return [...this.#open.values()].filter((request) => runOf(request.owner) === request.run)
      .length;
  }
}
