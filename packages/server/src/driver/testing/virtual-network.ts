import type { Clock, Message, NodeId, Transport, TransportListener } from "@d-engine/core";

export interface Delivery {
  readonly message: Message;
  readonly delayMs: number;
}

/** Carries messages between drivers of one process, a millisecond each, in order, unless cut. */
export class VirtualNetwork {
  readonly #clock: Clock;
  readonly #listeners = new Map<NodeId, TransportListener>();
  readonly #cut = new Set<NodeId>();
  /** What becomes of a message on its way: none, others, several, each after its own delay. */
  disturb: (message: Message, to: NodeId) => readonly Delivery[] = (message) => [
    { message, delayMs: 1 },
  ];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  transport(self: NodeId): Transport {
    return {
      start: (listener) => {
        this.#listeners.set(self, listener);
      },
      send: ({ to, message }) => this.#deliver(self, to, message),
      setMembers: () => undefined,
      close: async () => {
        this.#listeners.delete(self);
      },
    };
  }

  /** Nothing reaches this node and nothing leaves it. */
  cut(id: NodeId): void {
    this.#cut.add(id);
  }

  heal(id: NodeId): void {
    this.#cut.delete(id);
  }

  #deliver(from: NodeId, to: NodeId, message: Message): void {
    if (this.#cut.has(from) || this.#cut.has(to)) return;
    for (const { message: delivered, delayMs } of this.disturb(message, to)) {
      this.#clock.setTimer(delayMs, () => {
        if (this.#cut.has(from) || this.#cut.has(to)) return;
        this.#listeners.get(to)?.receive(from, delivered);
      });
    }
  }
}
