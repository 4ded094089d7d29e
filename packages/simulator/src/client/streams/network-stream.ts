import type { InboundStream, TransportFailure } from "@d-engine/client";
import type { KvNode } from "@d-engine/server/driver";
import type { SimulatedNode } from "../../cluster/simulated-node.js";
import type { ScheduledEvent } from "../../world/event-queue.js";
import type { Process } from "../../world/process.js";
import type { World } from "../../world/world.js";
import type { Breakable } from "../connection.js";

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

/** What the node's end of a stream does. Called inside the node's process. */
export interface NodeEnd<Input> {
  receive(input: Input): void;
  /** The client is gone. Called once. */
  closed(): void;
}

/** What the node's end of a stream is given. Called inside the node's process. */
export interface NodeLink<Message> {
  /** `taken` is called when the client has room for more. */
  send(message: Message, taken?: () => void): void;
  /** Ends the stream, behind what was sent. */
  end(failure: TransportFailure): void;
}

/** Serves one stream at a node. */
export type ServeStream<Message, Input> = (kv: KvNode, link: NodeLink<Message>) => NodeEnd<Input>;

/** How often an idle connection asks for a sign of life, as with the gRPC transport. */
const keepAliveMs = 30_000;

/**
 * One stream through the simulated network: opened one way later, and every message of either side
 * arrives one way after it was sent, in order. A connection that is cut or loses something breaks.
 */
export class NetworkStream<Message, Input> implements Breakable {
  readonly #stream: InboundStream<Message, Input>;
  readonly #way: StreamWay;
  readonly #serve: ServeStream<Message, Input>;
  #process: Process | undefined;
  #end: NodeEnd<Input> | undefined;
  #lastArrivalMs = 0;
  #lastInputMs = 0;
  #look: ScheduledEvent | undefined;
  /** Something went into a cut link: what comes later must not arrive without it. */
  #silent = false;
  #paused = false;
  /** What arrived while the client was not reading. */
  readonly #unread: (() => void)[] = [];

  constructor(
    stream: InboundStream<Message, Input>,
    way: StreamWay,
    serve: ServeStream<Message, Input>,
  ) {
    this.#stream = stream;
    this.#way = way;
    this.#serve = serve;
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
    this.#process = process;
    this.#watchSilence();
    this.whenEnded(() => {
      if (this.#look !== undefined) this.#look.cancelled = true;
    });
    process.enter(() => {
      if (node.kv === undefined || this.ended) return;
      const end = this.#serve(node.kv, {
        send: (message, taken) => this.#send(process, message, taken),
        end: (failure) => this.#finish(process, failure),
      });
      this.#end = end;
      this.whenEnded(() => {
        world.schedule(this.#way.delayMs(), () => process.enter(() => end.closed()));
      });
      this.#connect();
    });
  }

  /** From here on what the client sends finds its way, what it sent before included. */
  #connect(): void {
    this.#lastInputMs = this.#way.world.nowMs;
    this.#stream.from({
      send: (input) => this.#sendInput(input),
      pause: () => {
        this.#paused = true;
      },
      resume: () => this.#readOn(),
      cancel: () => undefined, // the node hears of it as of every other end
    });
  }

  #sendInput(input: Input): void {
    const { world } = this.#way;
    const lost = this.#way.loses();
    this.#lastInputMs = Math.max(this.#lastInputMs, world.nowMs + this.#way.delayMs());
    world.scheduleAt(this.#lastInputMs, () => {
      if (this.ended) return;
      if (lost) this.#lose();
      else if (this.#silent || this.#way.isCut()) this.#goSilent();
      else {
        this.#process?.enter(() => {
          if (!this.ended) this.#end?.receive(input);
        });
      }
    });
  }

  #send(process: Process, message: Message, taken: (() => void) | undefined): void {
    this.#deliver(process, () => {
      // Bytes do not count here: what may wait is bounded in messages.
      this.#stream.received(message, 1);
      if (taken === undefined) return;
      this.#way.world.schedule(this.#way.delayMs(), () => process.enter(taken));
    });
  }

  #finish(process: Process, failure: TransportFailure): void {
    this.#deliver(process, () => this.#stream.ended(failure));
  }

  /** Brings something to the client one way later, behind what is under way, while it reads. */
  #deliver(process: Process, arrived: () => void): void {
    if (this.ended) return;
    const { world } = this.#way;
    const lost = this.#way.loses();
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, process.nowMs + this.#way.delayMs());
    world.scheduleAt(this.#lastArrivalMs, () => {
      if (this.ended) return;
      if (lost) this.#lose();
      else if (this.#silent || this.#way.isCut()) this.#goSilent();
      else if (this.#paused) this.#unread.push(arrived);
      else arrived();
    });
  }

  #readOn(): void {
    this.#paused = false;
    while (!this.#paused && !this.ended) {
      const arrived = this.#unread.shift();
      if (arrived === undefined) return;
      arrived();
    }
  }

  #goSilent(): void {
    const { world, silenceTimeoutMs } = this.#way;
    this.#silent = true;
    world.schedule(silenceTimeoutMs, () => this.end("lost", "silent for too long"));
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
