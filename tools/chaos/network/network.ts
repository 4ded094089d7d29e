import type { Host } from "./host.js";

/** Where the nodes of a cluster are. */
export interface NodePlaces {
  /** `host:port` under which everybody knows the node. */
  addressOf(node: Host): string;
  /** `host:port` to which the node itself binds. */
  listenAddressOf(node: Host): string;
  /** What to put before a command so that it runs on this host. */
  commandPrefix(host: Host): readonly string[];
  /** A process was started on this host. */
  joined(host: Host, pid: number): void;
  left(pid: number): void;
}

/**
 * What lies between the processes of one machine so that it can be broken: every connection to a
 * node passes it, and it knows from which host to which. All hosts reach each other at first.
 */
export interface Network extends NodePlaces {
  readonly kind: "proxy" | "namespaces";
  /** From now on nothing that `from` sends arrives at `to`; nobody is told. */
  block(from: Host, to: Host): Promise<void>;
  /** Undoes `block`. What was held back arrives now, unless its connection was cut. */
  unblock(from: Host, to: Host): Promise<void>;
  /** Whether `delay` can be used. */
  readonly canDelay: boolean;
  /** Holds everything that `from` sends to `to` back for this long; 0 for not at all. */
  delay(from: Host, to: Host, milliseconds: number): void;
  /** Breaks the connections between the two, as both notice if they can. */
  cut(one: Host, other: Host): Promise<void>;
  /** How often so far something that was sent met a block. */
  heldBack(): Promise<number>;
  close(): Promise<void>;
}
