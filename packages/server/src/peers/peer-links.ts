import type { NodeId } from "@d-engine/core";
import type { PeerConnection } from "./peer-connection.js";
import type { SnapshotCalls } from "./snapshot-calls.js";

/** What leads to one peer. */
export interface PeerLink {
  readonly connection: PeerConnection;
  readonly snapshots: SnapshotCalls;
}

export interface PeerLinksOptions {
  readonly open: (peer: NodeId, address: string) => PeerLink;
  /** How long the link to a removed peer outlives the last message to it. */
  readonly lingerMs: number;
  readonly setTimer: (delayMs: number, run: () => void) => { cancel(): void };
}

interface Link extends PeerLink {
  used: boolean;
  /** Runs while the peer is no member. */
  timer: { cancel(): void } | undefined;
}

/** Addresses of removed peers that are remembered; the oldest are forgotten first. */
const formerMax = 64;

/**
 * Where peers are, and a link to each that something was sent to. A removed peer can still be
 * reached: a leader replicates to it until it knows of its removal, and the voters of the old
 * half of a joint configuration are asked until that is left (rule R12), however long it takes.
 */
export class PeerLinks {
  readonly #options: PeerLinksOptions;
  readonly #addresses = new Map<NodeId, string>();
  readonly #former = new Map<NodeId, string>();
  readonly #links = new Map<NodeId, Link>();

  constructor(options: PeerLinksOptions) {
    this.#options = options;
  }

  /** The members of the present configuration. */
  get members(): readonly NodeId[] {
    return [...this.#addresses.keys()];
  }

  addressOf(peer: NodeId): string | undefined {
    return this.#addresses.get(peer) ?? this.#former.get(peer);
  }

  /** A changed address closes the old link. */
  setMembers(next: ReadonlyMap<NodeId, string>): void {
    for (const [id, address] of this.#addresses) if (!next.has(id)) this.#remember(id, address);
    for (const [id, address] of next) {
      if (this.addressOf(id) !== address) this.#close(id);
      this.#former.delete(id);
    }
    this.#addresses.clear();
    for (const [id, address] of next) this.#addresses.set(id, address);
    for (const [id, link] of this.#links) this.#watch(id, link);
  }

  /** `undefined` for a peer whose address was never told. */
  to(peer: NodeId): PeerLink | undefined {
    const existing = this.#links.get(peer);
    if (existing !== undefined) {
      existing.used = true;
      return existing;
    }
    const address = this.addressOf(peer);
    if (address === undefined) return undefined;
    const link: Link = { ...this.#options.open(peer, address), used: true, timer: undefined };
    this.#links.set(peer, link);
    this.#watch(peer, link);
    return link;
  }

  close(): void {
    for (const id of [...this.#links.keys()]) this.#close(id);
  }

  #remember(id: NodeId, address: string): void {
    this.#former.set(id, address);
    const [oldest] = this.#former.keys();
    if (oldest === undefined || this.#former.size <= formerMax) return;
    this.#former.delete(oldest);
    this.#close(oldest);
  }

  /** Gives up the link to a peer that is no member once nothing is sent to it any more. */
  #watch(id: NodeId, link: Link): void {
    if (this.#addresses.has(id)) {
      link.timer?.cancel();
      link.timer = undefined;
    } else if (link.timer === undefined) {
      link.used = false;
      link.timer = this.#options.setTimer(this.#options.lingerMs, () => {
        link.timer = undefined;
        if (link.used) this.#watch(id, link);
        else this.#close(id);
      });
    }
  }

  #close(id: NodeId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    link.timer?.cancel();
    link.connection.close();
    link.snapshots.close();
  }
}
