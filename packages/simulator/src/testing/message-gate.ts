import type { Message } from "@d-engine/core";
import type { Network, Parcel } from "../network/network.js";

/** Which messages a rule is about. */
export type ParcelFilter = (parcel: Parcel) => boolean;

interface Rule {
  readonly matches: ParcelFilter;
  /** Whether the message is kept from its receiver. */
  readonly take: (parcel: Parcel) => boolean;
}

/** Lets a script decide about single messages: let pass, copy, hold back, or drop. */
export class MessageGate {
  readonly #network: Network;
  #rules: Rule[] = [];

  constructor(network: Network) {
    this.#network = network;
    network.gate = (parcel) => {
      const rule = this.#rules.find(({ matches }) => matches(parcel));
      return rule?.take(parcel) ?? false;
    };
  }

  /** Loses every message that matches, until the answer is called. */
  drop(matches: ParcelFilter): () => void {
    return this.#add({ matches, take: () => true });
  }

  /** Keeps copies of what matches, until it is released; `letPass` also delivers it. */
  collect(matches: ParcelFilter, options: { readonly letPass: boolean }): CollectedParcels {
    const parcels: Parcel[] = [];
    const remove = this.#add({
      matches,
      take: (parcel) => {
        parcels.push(parcel);
        return !options.letPass;
      },
    });
    return new CollectedParcels(this.#network, parcels, remove);
  }

  /** Everything passes again. */
  clear(): void {
    this.#rules = [];
  }

  #add(rule: Rule): () => void {
    this.#rules = [rule, ...this.#rules];
    return () => {
      this.#rules = this.#rules.filter((other) => other !== rule);
    };
  }
}

/** Messages that a gate kept. */
export class CollectedParcels {
  readonly parcels: readonly Parcel[];
  readonly #network: Network;
  readonly #stop: () => void;

  constructor(network: Network, parcels: readonly Parcel[], stop: () => void) {
    this.#network = network;
    this.parcels = parcels;
    this.#stop = stop;
  }

  /** Further messages are not kept any more. */
  stop(): void {
    this.#stop();
  }

  /** Delivers, in their order, what was kept; nothing is kept from now on. */
  release(): void {
    this.#stop();
    for (const parcel of this.parcels) this.#network.deliver(parcel);
  }
}

/** Messages of one kind, from one node and to one, where given. */
export function parcelsOf(
  kind: Message["kind"],
  ends: { readonly from?: { readonly id: number }; readonly to?: { readonly id: number } } = {},
): ParcelFilter {
  const { from, to } = ends;
  return (parcel) =>
    parcel.message.kind === kind &&
    (from === undefined || parcel.from === from.id) &&
    (to === undefined || parcel.to === to.id);
}
