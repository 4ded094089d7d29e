import {
  type ClientTransport,
  CONNECT_DEFAULTS,
  InboundStream,
  type TransportAnswer,
  type TransportCallOptions,
  type TransportFailure,
  type TransportMethod,
  type TransportRequest,
  type TransportRequestOf,
  type TransportStream,
  type TransportStreamInputs,
  type TransportStreamKind,
  type TransportStreamMessages,
  type TransportStreamOptions,
  type TransportStreamRequestOf,
} from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { Cluster } from "../cluster/cluster.js";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import type { Prng } from "../prng.js";
import type { ClusterPlan } from "../swarm/plan.js";
import type { Process } from "../world/process.js";
import { WorldClock } from "../world/world-clock.js";
import { answerRequest } from "./answer-request.js";
import { Connection } from "./connection.js";
import { OpenCall } from "./open-call.js";
import { answerDigest, describeRequest, requestDigest } from "./request-digest.js";
import { NetworkStream, type ServeStream, type StreamWay } from "./streams/network-stream.js";
import { serveMembership } from "./streams/serve-membership.js";
import { serveWatches } from "./streams/serve-watches.js";

export interface SimulatedTransportSetup {
  readonly cluster: Cluster<ClusterPlan>;
  /** Shown in the trace. */
  readonly name: string;
  /** A node whose links the client shares, as a program on the same machine; 0 for none. */
  readonly place: number;
  readonly random: Prng;
}

/** What nodes serve as streams. */
const served: {
  readonly [Kind in TransportStreamKind]: ServeStream<
    TransportStreamMessages[Kind],
    TransportStreamInputs[Kind]
  >;
} = { watchMembership: serveMembership, watch: serveWatches };

/** As with the gRPC transport: how long a connection may take, and a node may owe an answer. */
const { connectTimeoutMs, silenceTimeoutMs } = CONNECT_DEFAULTS;

/**
 * Carries a client's calls through the simulated network, as connections do: in delay and in
 * breaking, never in repetition or disorder. Where a link is cut, a call waits in vain; where
 * messages are lost, connections break, before or after the node has executed the call.
 */
export class SimulatedTransport implements ClientTransport {
  readonly #setup: SimulatedTransportSetup;
  readonly #nodes: ReadonlyMap<string, SimulatedNode>;
  /** The process that the connection to a node leads to. */
  readonly #connections = new Map<number, Connection>();
  #closed = false;
  #lastAnswerer: Process | undefined;

  constructor(setup: SimulatedTransportSetup) {
    this.#setup = setup;
    this.#nodes = new Map(setup.cluster.nodes.map((node) => [node.address, node]));
  }

  /** The run of a node whose answer arrived last. */
  get lastAnswerer(): { readonly id: number; readonly incarnation: number } | undefined {
    const process = this.#lastAnswerer;
    return process === undefined
      ? undefined
      : { id: process.nodeId, incarnation: process.incarnation };
  }

  async call<Method extends TransportMethod>(
    address: string,
    request: TransportRequestOf<Method>,
    options: TransportCallOptions,
  ): Promise<TransportAnswer<Method>> {
    const { world } = this.#setup.cluster;
    const node = this.#nodes.get(address);
    if (node === undefined) return failed("unreachable", `${address}: there is no such node`);
    if (this.#closed) return failed("unreachable", `${address}: the client is closed`);
    const answer = await new Promise<TransportAnswer>((resolve) => {
      const call = new OpenCall(world, address, options, resolve);
      if (!call.ended) this.#send(node, request, call, world.nowMs + options.timeoutMs);
    });
    const outcome = answer.kind === "answered" ? "answered" : answer.failure.kind;
    this.#note(`${request.kind} ${outcome}`, node, answerDigest(answer), request);
    return answer as TransportAnswer<Method>;
  }

  open<Kind extends TransportStreamKind>(
    address: string,
    request: TransportStreamRequestOf<Kind>,
    options: TransportStreamOptions,
  ): TransportStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]> {
    const { world } = this.#setup.cluster;
    const stream = new InboundStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]>({
      ...options,
      address,
      clock: new WorldClock(world),
    });
    const node = this.#nodes.get(address);
    if (node === undefined || this.#closed) {
      const why = node === undefined ? "there is no such node" : "the client is closed";
      stream.ended({ kind: "unreachable", message: `${address}: ${why}` });
      return stream;
    }
    const { name } = this.#setup;
    world.note(`${name} opens ${request.kind}`, node.id, 0, () => request.kind);
    const serve: ServeStream<TransportStreamMessages[Kind], TransportStreamInputs[Kind]> =
      served[request.kind as Kind];
    new NetworkStream(stream, this.#wayTo(node), serve).start();
    return stream;
  }

  /** Connections come about by calling; idle ones cost nothing here. */
  retain(): void {
    return;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.break("the client is closed");
    this.#connections.clear();
  }

  #wayTo(node: SimulatedNode): StreamWay {
    return {
      world: this.#setup.cluster.world,
      node,
      connectTimeoutMs,
      silenceTimeoutMs,
      delayMs: () => this.#delayMs(node),
      isCut: () => this.#isCut(node),
      loses: () => this.#loses(),
      onLoss: () => this.#lose(node),
      join: (process, breakable) => this.#connectionTo(node, process).add(breakable),
    };
  }

  #send(node: SimulatedNode, request: TransportRequest, call: OpenCall, deadlineMs: number): void {
    const { world } = this.#setup.cluster;
    if (this.#isCut(node)) {
      this.#vanish(node, call);
      return;
    }
    const lost = this.#loses();
    world.schedule(this.#delayMs(node), () => {
      if (call.ended) return;
      if (lost) this.#lose(node, call);
      else this.#arrive(node, request, call, deadlineMs);
    });
  }

  #arrive(
    node: SimulatedNode,
    request: TransportRequest,
    call: OpenCall,
    deadlineMs: number,
  ): void {
    const { world, witness } = this.#setup.cluster;
    const { process } = node;
    if (this.#isCut(node)) {
      this.#vanish(node, call);
      return;
    }
    if (process === undefined || node.kv === undefined) {
      world.schedule(this.#delayMs(node), () => call.end("unreachable", "no connection"));
      return;
    }
    this.#connectionTo(node, process).add(call);
    process.enter(() => {
      const { kv } = node;
      if (kv === undefined || call.ended) return;
      this.#note(`${request.kind} arrives`, node, requestDigest(request), request);
      const timeoutMs = Math.max(1, deadlineMs - process.nowMs);
      const signal = this.#cancellation(node, process, call);
      answerRequest(kv, request, { timeoutMs, signal }).then(
        (answer) => this.#answer(node, process, call, answer),
        (error: unknown) => witness.report("answer", String(error)),
      );
    });
  }

  /** Tells the node, one way through the network later, that nobody waits any more. */
  #cancellation(node: SimulatedNode, process: Process, call: OpenCall): AbortSignal {
    const { world } = this.#setup.cluster;
    const remote = new AbortController();
    call.whenEnded((answered) => {
      if (answered) return;
      const reason = new EngineError("OUTCOME_UNKNOWN", "the caller is gone");
      world.schedule(this.#delayMs(node), () => process.enter(() => remote.abort(reason)));
    });
    return remote.signal;
  }

  /** An answer leaves when the process is done with it, and is lost where the link is cut. */
  #answer(node: SimulatedNode, process: Process, call: OpenCall, answer: TransportAnswer): void {
    const { world, network } = this.#setup.cluster;
    const lost = this.#loses();
    world.scheduleAt(process.nowMs + this.#delayMs(node), () => {
      if (call.ended) return;
      if (lost) this.#lose(node, call);
      else if (this.#isCut(node)) {
        network.counters.cut += 1;
        world.schedule(silenceTimeoutMs, () => call.end("lost", "silent for too long"));
      } else {
        this.#lastAnswerer = process;
        call.settle(answer);
      }
    });
  }

  /** The request gets nowhere: a new connection is given up soon, an old one after a while. */
  #vanish(node: SimulatedNode, call: OpenCall): void {
    const { world, network } = this.#setup.cluster;
    network.counters.cut += 1;
    const connection = this.#connections.get(node.id);
    if (connection === undefined) {
      world.schedule(connectTimeoutMs, () => call.end("unreachable", "no connection"));
      return;
    }
    connection.add(call);
    world.schedule(silenceTimeoutMs, () => {
      if (!call.ended) this.#breakConnection(node, "silent for too long");
    });
  }

  #lose(node: SimulatedNode, call?: OpenCall): void {
    this.#setup.cluster.network.counters.lost += 1;
    this.#breakConnection(node, "the connection broke");
    call?.end("lost", "the connection broke");
  }

  #connectionTo(node: SimulatedNode, process: Process): Connection {
    const { world } = this.#setup.cluster;
    const existing = this.#connections.get(node.id);
    if (existing?.process === process) return existing;
    const connection = new Connection(process);
    this.#connections.set(node.id, connection);
    process.whenEnded(() => {
      world.schedule(this.#delayMs(node), () => {
        if (this.#connections.get(node.id) === connection) this.#connections.delete(node.id);
        connection.break("the node went away");
      });
    });
    return connection;
  }

  #breakConnection(node: SimulatedNode, why: string): void {
    this.#connections.get(node.id)?.break(why);
    this.#connections.delete(node.id);
  }

  /** Calls need both directions. */
  #isCut(node: SimulatedNode): boolean {
    const { network } = this.#setup.cluster;
    const { place } = this.#setup;
    return network.isCut(place, node.id) || network.isCut(node.id, place);
  }

  #loses(): boolean {
    const { lossRate } = this.#setup.cluster.network.faults;
    return lossRate > 0 && this.#setup.random.chance(lossRate);
  }

  #delayMs(node: SimulatedNode): number {
    return this.#setup.cluster.network.delayMs(this.#setup.place, node.id);
  }

  #note(what: string, node: SimulatedNode, digest: number, request: TransportRequest): void {
    const { cluster, name } = this.#setup;
    cluster.world.note(`${name} ${what}`, node.id, digest, () => describeRequest(request));
  }
}

function failed(
  kind: "unreachable",
  message: string,
): { kind: "failed"; failure: TransportFailure } {
  return { kind: "failed", failure: { kind, message } };
}
