import type { Envelope, Message, Transport, TransportListener } from "@d-engine/core";
import type { Prng } from "../prng.js";
import type { Process } from "../world/process.js";
import type { World } from "../world/world.js";

/** How every link of a run behaves, before faults. */
export interface NetworkProfile {
  /** Half of all messages take less. */
  readonly latencyMs: number;
  /** Mean of what is added at random. */
  readonly jitterMs: number;
  /** Whether a message may overtake another on the same link. */
  readonly reorder: boolean;
}

/** What faults do to links; changed while the run goes on. */
export interface NetworkFaults {
  lossRate: number;
  duplicateRate: number;
  /** Chance that a message arrives much later than the others, to a later run of the node even. */
  strayRate: number;
  /** Chance that a message with chunks of a snapshot arrives with a wrong byte in one of them. */
  damageRate: number;
}

/** One message on its way. */
export interface Parcel {
  readonly from: number;
  readonly to: number;
  readonly message: Message;
}

interface Endpoint {
  readonly process: Process;
  readonly listener: TransportListener;
}

/** What the network did, for the coverage of a run. */
export interface NetworkCounters {
  sent: number;
  lost: number;
  cut: number;
  duplicated: number;
  strayed: number;
}

/**
 * Carries messages between nodes with delay, loss, repetition and disorder, through links that can
 * be cut in either direction. A node that is not there answers as a refused connection does:
 * the sender hears `unreachable` one round trip later.
 */
export class Network {
  readonly faults: NetworkFaults = { ...noFaults };
  readonly counters: NetworkCounters = { sent: 0, lost: 0, cut: 0, duplicated: 0, strayed: 0 };
  /** Told of each message when it is sent; for checkers. */
  onSend: ((process: Process, envelope: Envelope) => void) | undefined;
  /** Takes a message out of the traffic when it arrives, by answering `true`; for scripts. */
  gate: ((parcel: Parcel) => boolean) | undefined;
  readonly #world: World;
  readonly #profile: NetworkProfile;
  readonly #random: Prng;
  readonly #endpoints = new Map<number, Endpoint>();
  readonly #cuts = new Set<string>();
  readonly #slowness = new Map<string, number>();
  readonly #lastArrivalMs = new Map<string, number>();
  #straysUnderWay = 0;
  /** How often the directory behind an id was replaced by a new one. */
  readonly #replacements = new Map<number, number>();

  constructor(world: World, profile: NetworkProfile, random: Prng) {
    this.#world = world;
    this.#profile = profile;
    this.#random = random;
  }

  /** The transport of one process. */
  transportOf(process: Process): Transport {
    return {
      start: (listener) => {
        this.#endpoints.set(process.nodeId, { process, listener });
        process.whenEnded(() => this.#hangUp(process));
      },
      send: (envelope) => this.#send(process, envelope),
      setMembers: () => undefined,
      close: async () => this.#hangUp(process),
    };
  }

  /**
   * Another directory has this id from now on. Connections name the one that they were made for
   * (rule R13), so what is under way to and from the old one never arrives.
   */
  replaced(id: number): void {
    this.#replacements.set(id, this.#directoryOf(id) + 1);
  }

  #directoryOf(id: number): number {
    return this.#replacements.get(id) ?? 1;
  }

  cut(from: number, to: number): void {
    this.#cuts.add(linkOf(from, to));
  }

  mend(from: number, to: number): void {
    this.#cuts.delete(linkOf(from, to));
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts.has(linkOf(from, to));
  }

  /** Messages that will arrive much later than the others. */
  get straysUnderWay(): number {
    return this.#straysUnderWay;
  }

  /** Multiplies the delay of one direction; 1 undoes it. */
  slow(from: number, to: number, factor: number): void {
    this.#slowness.set(linkOf(from, to), factor);
  }

  /** A connection broke: both sides hear of it, as far as they live. */
  breakConnection(a: number, b: number): void {
    this.#tellUnreachable(a, b);
    this.#tellUnreachable(b, a);
  }

  /** Ends every fault of the network. */
  heal(): void {
    this.#cuts.clear();
    this.#slowness.clear();
    Object.assign(this.faults, noFaults);
  }

  /** One random delay of a link, for connections that are not messages: clients. */
  delayMs(from: number, to: number): number {
    const { latencyMs, jitterMs } = this.#profile;
    const factor = this.#slowness.get(linkOf(from, to)) ?? 1;
    return (latencyMs + this.#random.exponential(jitterMs)) * factor;
  }

  #send(process: Process, envelope: Envelope): void {
    if (!process.alive) return;
    this.onSend?.(process, envelope);
    const { counters, faults } = this;
    const from = process.nodeId;
    const to = envelope.to as number;
    counters.sent += 1;
    if (this.isCut(from, to)) {
      counters.cut += 1;
      return;
    }
    if (!this.#endpoints.has(to)) {
      process.schedule(2 * this.delayMs(from, to), () => this.#tellUnreachable(from, to));
      return;
    }
    if (faults.lossRate > 0 && this.#random.chance(faults.lossRate)) {
      counters.lost += 1;
      return;
    }
    this.#carry(process, to, this.#damaged(envelope.message));
    if (faults.duplicateRate > 0 && this.#random.chance(faults.duplicateRate)) {
      counters.duplicated += 1;
      this.#carry(process, to, envelope.message);
    }
  }

  #damaged(message: Message): Message {
    const { damageRate } = this.faults;
    if (damageRate === 0 || message.kind !== "installSnapshot") return message;
    if (message.chunks.length === 0 || !this.#random.chance(damageRate)) return message;
    const chosen = this.#random.pick(message.chunks);
    const data = Uint8Array.from(chosen.data);
    const at = this.#random.between(0, data.length - 1);
    data[at] = data[at]! ^ (1 << this.#random.between(0, 7));
    const chunks = message.chunks.map((chunk) => (chunk === chosen ? { ...chunk, data } : chunk));
    return { ...message, chunks };
  }

  #carry(process: Process, to: number, message: Message): void {
    const from = process.nodeId;
    const link = linkOf(from, to);
    let atMs = process.nowMs + this.delayMs(from, to);
    const strays = this.faults.strayRate > 0 && this.#random.chance(this.faults.strayRate);
    if (strays) {
      this.counters.strayed += 1;
      this.#straysUnderWay += 1;
      atMs += this.#random.logUniform(10, 10_000);
    } else if (!this.#profile.reorder) {
      atMs = Math.max(atMs, this.#lastArrivalMs.get(link) ?? 0);
      this.#lastArrivalMs.set(link, atMs);
    }
    const [sender, receiver] = [this.#directoryOf(from), this.#directoryOf(to)];
    this.#world.scheduleAt(atMs, () => {
      if (strays) this.#straysUnderWay -= 1;
      const isSame = this.#directoryOf(from) === sender && this.#directoryOf(to) === receiver;
      if (isSame) this.#arrive({ from, to, message });
    });
  }

  #arrive(parcel: Parcel): void {
    if (this.isCut(parcel.from, parcel.to)) this.counters.cut += 1;
    else if (this.gate?.(parcel) !== true) this.deliver(parcel);
  }

  /** Hands a message over now, whatever lies between its sender and its receiver. */
  deliver({ from, to, message }: Parcel): void {
    const endpoint = this.#endpoints.get(to);
    if (endpoint === undefined) return;
    endpoint.process.enter(() => {
      this.#world.note(`receives ${message.kind}`, to, "term" in message ? message.term : 0, () =>
        describeMessage(from, message),
      );
      endpoint.listener.receive(from as never, message);
    });
  }

  #tellUnreachable(node: number, peer: number): void {
    const endpoint = this.#endpoints.get(node);
    endpoint?.process.enter(() => endpoint.listener.unreachable(peer as never));
  }

  #hangUp(process: Process): void {
    const { nodeId } = process;
    if (this.#endpoints.get(nodeId)?.process !== process) return;
    this.#endpoints.delete(nodeId);
    for (const peer of this.#endpoints.keys()) {
      if (this.isCut(nodeId, peer)) continue;
      this.#world.schedule(this.delayMs(nodeId, peer), () => this.#tellUnreachable(peer, nodeId));
    }
  }
}

const noFaults: NetworkFaults = Object.freeze({
  lossRate: 0,
  duplicateRate: 0,
  strayRate: 0,
  damageRate: 0,
});

function linkOf(from: number, to: number): string {
  return `${from}>${to}`;
}

function describeMessage(from: number, message: Message): string {
  const rest: Record<string, unknown> = { ...message };
  delete rest.kind;
  if (message.kind === "appendEntries") {
    rest.entries = message.entries.map(({ term, index }) => `${term}/${index}`);
  }
  if (message.kind === "installSnapshot") {
    rest.chunks = message.chunks.map(({ sequence }) => sequence);
  }
  return `from ${from} ${JSON.stringify(rest)}`;
}
