import type { Host } from "./host.js";

/**
 * What lies between the processes of one machine so that it can be broken: every connection to a
 * node passes it, and it knows from which host to which. All hosts reach each other at first.
 */
export interface Network {
  readonly kind: "proxy" | "namespaces";
  /** `host:port` under which everybody knows the node. */
  addressOf(node: Host): string;
  /** `host:port` to which the node itself binds. */
  listenAddressOf(node: Host): string;
  /** What to put before a command so that it runs on this host. */
  commandPrefix(host: Host): readonly string[];
  /** A process was started on this host. */
  joined(host: Host, pid: number): void;
  left(pid: number): void;
  /** From now on nothing that `from` sends arrives at `to`; nobody is told. */
  block(from: Host, to: Host): Promise<void>;
  /** Undoes `block`. What was held back arrives now, unless its connection was cut. */
  unblock(from: Host, to: Host): Promise<void>;
  /** Holds everything that `from` sends to `to` back for this long; 0 for not at all. */
  delay(from: Host, to: Host, milliseconds: number): void;
  /** Breaks the connections between the two, as both notice. */
  cut(one: Host, other: Host): void;
  /** How often something that was sent met a block. */
  readonly heldBack: number;
  close(): Promise<void>;
}
