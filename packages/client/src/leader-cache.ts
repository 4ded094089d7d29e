import type { LeaderHint, NodeId } from "@d-engine/core";
import { endpointsMax } from "./endpoints.js";

/** One node as far as routing cares. */
export interface KnownNode {
  readonly id: NodeId;
  readonly address: string;
}

/** `leader`: must be executed by the leader. `any`: every node can answer. */
export type Route = "leader" | "any";

/**
 * Where to send the next attempt: what the cluster said last, corrected by what came of it. Holds
 * no connection and knows no time.
 *
 * Reads that any node may answer stay with one node for as long as it answers, because only on
 * one node do eventual reads never go back.
 */
export class LeaderCache {
  readonly #seeds: readonly string[];
  #members: readonly KnownNode[] = [];
  #leader: KnownNode | undefined;
  /** Counts failures of nodes in use: moves to the next address of `addresses`. */
  #cursor: number;

  /** `random`, uniform in [0, 1), spreads clients over the nodes. */
  constructor(seeds: readonly string[], random: number) {
    this.#seeds = seeds;
    this.#cursor = Math.floor(random * seeds.length);
  }

  /** Every address worth asking: the members, then endpoints that are not among them. */
  get addresses(): readonly string[] {
    const known = new Set(this.#members.map((member) => member.address));
    for (const seed of this.#seeds) known.add(seed);
    if (this.#leader !== undefined) known.add(this.#leader.address);
    return [...known].slice(0, endpointsMax);
  }

  get leader(): KnownNode | undefined {
    return this.#leader;
  }

  /** Takes over what a node said about the cluster. */
  learn(members: readonly KnownNode[], leader: KnownNode | undefined): void {
    this.#members = members.filter((member) => member.address !== "");
    if (leader !== undefined) this.#leader = leader;
  }

  pick(route: Route): string {
    if (route === "leader" && this.#leader !== undefined) return this.#leader.address;
    const addresses = this.addresses;
    return addresses[this.#cursor % addresses.length] ?? this.#seeds[0] ?? "";
  }

  /** `address` says that it does not lead, and who does if it knows. */
  refused(address: string, hint: LeaderHint | undefined): void {
    if (hint !== undefined && hint.address !== "" && hint.address !== address) {
      this.#leader = { id: hint.leaderId, address: hint.address };
      return;
    }
    this.failed(address);
  }

  /** `address` did not answer, or not usefully: the next attempt goes elsewhere. */
  failed(address: string): void {
    if (this.#leader?.address === address) this.#leader = undefined;
    const addresses = this.addresses;
    if (addresses[this.#cursor % addresses.length] === address) this.#cursor += 1;
  }
}
