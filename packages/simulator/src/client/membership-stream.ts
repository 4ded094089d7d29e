import type { InboundStream, MembershipSnapshot } from "@d-engine/client";
import { membershipSnapshotOf } from "@d-engine/server/driver";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import type { ScheduledEvent } from "../world/event-queue.js";
import type { Process } from "../world/process.js";
import type { World } from "../world/world.js";
import type { Breakable } from "./connection.js";

/** The way between a client and a node. */
export interface StreamWay {
  readonly world: World;
  readonly node: SimulatedNode;
  readonly connectTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  delayMs(): number;
  isCut(): boolean;
  loses(): boolean;
  /** A message is lost, and with it the connection. */
  onLoss(): void;
  /** Lets the stream end with the connection to the process. */
  join(process: Process, breakable: Breakable): void;
}

/** How often an idle connection asks for a sign of life, as with the gRPC transport. */
const keepAliveMs = 30_000;

/**
 * One stream of members through the simulated network: opened one way later, and every message of the node one
 * way after it was sent, in order. A connection that is cut or loses something breaks.
 */
export class MembershipStream implements Breakable {
  readonly #stream: InboundStream<MembershipSnapshot>;
  readonly #way: StreamWay;
  #lastArrivalMs = 0;
  #look: ScheduledEvent | undefined;
  /** Something went into a cut link: what comes later must not arrive without it. */
  #silent = false;

  constructor(stream: InboundStream<MembershipSnapshot>, way: StreamWay) {
    this.#stream = stream;
    this.#way = way;
  }

  get ended(): boolean {
    return this.#stream.isOver;
  }

  end(kind: "lost" | "unreachable", why: string): void {
    this.#stream.ended({ kind, message: `${this.#way.node.address}: ${why}` });
  }

  whenEnded(listener: () => void): void {
    this.#stream.whenEnded(listener);
  }

  start(): void {
    const { world, connectTimeoutMs } = this.#way;
    if (this.#way.isCut()) {
      world.schedule(connectTimeoutMs, () => this.end("unreachable", "no connection"));
      return;
    }
    const lost = this.#way.loses();
    world.schedule(this.#way.delayMs(), () => {
      if (this.ended) return;
      if (lost) this.#lose();
      else this.#arrive();
    });
  }

  #arrive(): void {
    const { node, world } = this.#way;
    const { process } = node;
    if (process === undefined || node.kv === undefined) {
      world.schedule(this.#way.delayMs(), () => this.end("unreachable", "no connection"));
      return;
    }
    this.#way.join(process, this);
    this.#watchSilence();
    this.whenEnded(() => {
      if (this.#look !== undefined) this.#look.cancelled = true;
    });
    process.enter(() => {
      if (node.kv === undefined || this.ended) return;
      const { membership } = node.kv;
      const unsubscribe = membership.subscribe((configuration) =>
        this.#send(process, membershipSnapshotOf(configuration)),
      );
      this.whenEnded(() => {
        world.schedule(this.#way.delayMs(), () => process.enter(unsubscribe));
      });
      this.#send(process, membershipSnapshotOf(membership.configuration));
    });
  }

  #send(process: Process, message: MembershipSnapshot): void {
    if (this.ended) return;
    const { world, silenceTimeoutMs } = this.#way;
    const lost = this.#way.loses();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, process.nowMs + this.#way.delayMs());
    world.scheduleAt(this.#lastArrivalMs, () => {
      if (this.ended) return;
      if (lost) this.#lose();
      else if (!this.#silent && !this.#way.isCut()) this.#stream.received(message, 1);
      else {
        this.#silent = true;
        world.schedule(silenceTimeoutMs, () => this.end("lost", "silent for too long"));
      }
    });
  }

  #lose(): void {
    this.#way.onLoss();
    this.end("lost", "the connection broke");
  }

  #watchSilence(): void {
    this.#look = this.#way.world.schedule(keepAliveMs, () => {
      if (this.#way.isCut()) this.end("lost", "no sign of life");
      else this.#watchSilence();
    });
  }
}
