import type { InputEvent, NodeId, RequestId } from "@d-engine/core";

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Transfers of leadership that callers wait for. The core ends each of them, in time. */
export class Transfers {
  readonly #waiting = new Map<RequestId, Waiting>();

  /** Asks the core to hand over; settles by `transferred` or `refused`. */
  start(requestId: RequestId, target: NodeId, post: (event: InputEvent) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(requestId, { resolve, reject });
      post({ kind: "transfer", requestId, target });
    });
  }

  transferred(requestId: RequestId): void {
    this.#waiting.get(requestId)?.resolve();
    this.#waiting.delete(requestId);
  }

  /** False when `requestId` is not a transfer. */
  refused(requestId: RequestId, error: Error): boolean {
    const waiting = this.#waiting.get(requestId);
    this.#waiting.delete(requestId);
    waiting?.reject(error);
    return waiting !== undefined;
  }

  failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
