import { ANONYMOUS } from "../../server/src/driver/caller.js";
import type { LocalNode } from "../../server/src/driver/local-node.js";
import type { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import { GRPC_LIMITS, type GrpcLimits } from "../../server/src/grpc/limits.js";
import { ServerSession } from "../../server/src/grpc/session/server-session.js";
import type {
  MessageStream,
  MessageStreamEnd,
  MessageStreamListener,
} from "../src/session/message-stream.js";

/**
 * The wire between a client's sessions and a node's, in memory and in virtual time: every message
 * takes a turn of the clock. What happens to it is the test's to say.
 */
export class SessionWire {
  /** What became of each stream that was opened, oldest first. */
  readonly streams: WireStream[] = [];
  /** How the next streams end at once instead of being greeted. */
  refusal: MessageStreamEnd | undefined;
  /** Whether the node's messages are lost. */
  mute = false;
  /** Whether the client's messages are lost. */
  deaf = false;
  readonly #clock: VirtualClock;
  readonly #node: LocalNode;
  readonly #limits: GrpcLimits;

  constructor(clock: VirtualClock, node: LocalNode, limits: Partial<GrpcLimits> = {}) {
    this.#clock = clock;
    this.#node = node;
    this.#limits = { ...GRPC_LIMITS, ...limits };
  }

  readonly open = (listener: MessageStreamListener): MessageStream => {
    const stream = new WireStream(this, this.#clock, listener);
    this.streams.push(stream);
    const { refusal } = this;
    if (refusal === undefined) stream.connect(this.#node, this.#limits);
    else this.#clock.defer(() => listener.ended(refusal));
    return stream;
  };

  get newest(): WireStream {
    return this.streams.at(-1) as WireStream;
  }
}

export class WireStream implements MessageStream {
  /** Messages of the client, in order. */
  readonly sent: Uint8Array[] = [];
  state: "open" | "ended by the client" | "canceled" | "over" = "open";
  readonly #wire: SessionWire;
  readonly #clock: VirtualClock;
  readonly #listener: MessageStreamListener;
  #session: ServerSession | undefined;

  constructor(wire: SessionWire, clock: VirtualClock, listener: MessageStreamListener) {
    this.#wire = wire;
    this.#clock = clock;
    this.#listener = listener;
  }

  connect(node: LocalNode, limits: GrpcLimits): void {
    this.#session = new ServerSession({
      node,
      caller: ANONYMOUS,
      limits,
      onBug: (error) => {
        throw error;
      },
      peer: {
        write: (bytes, taken) => {
          this.receive(bytes);
          this.#clock.defer(taken);
        },
        end: (error) => this.break(error === undefined ? "OK" : String(error)),
        setPaused: () => undefined,
      },
    });
    this.#session.greet();
  }

  /** The node says something. */
  receive(bytes: Uint8Array): void {
    this.#later(() => {
      if (!this.#wire.mute) this.#listener.received(bytes);
    });
  }

  /** The stream ends under the client. */
  break(message: string): void {
    this.#later(() => {
      this.state = "over";
      this.#session?.dispose();
      this.#listener.ended({ kind: "over", message });
    });
  }

  /** The node is about to stop. */
  drain(): void {
    this.#session?.drain();
  }

  send(message: Uint8Array): void {
    if (this.state !== "open") throw new Error(`sent on a stream that is ${this.state}`);
    this.sent.push(message);
    this.#later(() => {
      if (!this.#wire.deaf) this.#session?.receive(message);
    });
  }

  end(): void {
    this.state = "ended by the client";
    this.#later(() => this.#session?.inputEnded());
  }

  cancel(): void {
    this.state = "canceled";
    this.#session?.dispose();
  }

  #later(work: () => void): void {
    this.#clock.defer(() => {
      if (this.state === "open" || this.state === "ended by the client") work();
    });
  }
}
