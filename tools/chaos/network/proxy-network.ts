import { createServer, type Server, type Socket } from "node:net";
import type { Prng } from "@d-engine/simulator";
import { Gate } from "./gate.js";
import type { Host } from "./host.js";
import type { Network } from "./network.js";
import { freePorts } from "./ports.js";
import { ProxiedConnection } from "./proxied-connection.js";
import { SocketOwners } from "./socket-owner.js";

interface Listener {
  readonly node: Host;
  readonly publicPort: number;
  readonly nodePort: number;
  readonly server: Server;
}

/** One connection with the two hosts at its ends. */
interface Passing {
  readonly hosts: readonly [Host, Host];
  readonly connection: ProxiedConnection;
}

/**
 * A TCP proxy before every node, in this process. All members and clients know a node by its
 * proxy; from which host a connection comes is found out by the process that holds its other end.
 */
export class ProxyNetwork implements Network {
  readonly kind = "proxy";
  readonly canDelay = true;
  readonly #listeners = new Map<Host, Listener>();
  readonly #gates = new Map<string, Gate>();
  readonly #hostOfPid = new Map<number, Host>();
  readonly #owners = new SocketOwners(() => this.#hostOfPid.keys());
  readonly #passing = new Set<Passing>();
  #closed = false;

  private constructor() {
    this.#hostOfPid.set(process.pid, 0);
  }

  static async open(nodeCount: number, random: Prng): Promise<ProxyNetwork> {
    const network = new ProxyNetwork();
    const ports = await freePorts(nodeCount * 2, random);
    for (let node = 1; node <= nodeCount; node++) {
      await network.#listen(node, ports[node * 2 - 2]!, ports[node * 2 - 1]!);
    }
    return network;
  }

  async heldBack(): Promise<number> {
    let sum = 0;
    for (const gate of this.#gates.values()) sum += gate.heldBack;
    return sum;
  }

  addressOf(node: Host): string {
    return `127.0.0.1:${this.#listeners.get(node)!.publicPort}`;
  }

  listenAddressOf(node: Host): string {
    return `127.0.0.1:${this.#listeners.get(node)!.nodePort}`;
  }

  commandPrefix(): readonly string[] {
    return [];
  }

  joined(host: Host, pid: number): void {
    this.#hostOfPid.set(pid, host);
  }

  left(pid: number): void {
    this.#hostOfPid.delete(pid);
  }

  async block(from: Host, to: Host): Promise<void> {
    this.#gate(from, to).set({ isBlocked: true });
  }

  async unblock(from: Host, to: Host): Promise<void> {
    this.#gate(from, to).set({ isBlocked: false });
  }

  delay(from: Host, to: Host, milliseconds: number): void {
    this.#gate(from, to).set({ delayMs: milliseconds });
  }

  async cut(one: Host, other: Host): Promise<void> {
    for (const { hosts, connection } of [...this.#passing]) {
      if (hosts.includes(one) && hosts.includes(other)) connection.cut();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { connection } of [...this.#passing]) connection.cut();
    const servers = [...this.#listeners.values()].map(({ server }) => server);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #listen(node: Host, publicPort: number, nodePort: number): Promise<void> {
    // Half-open, because the end of one direction must pass a gate like everything else.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (caller) => {
      void this.#accept(listener, caller);
    });
    const listener: Listener = { node, publicPort, nodePort, server };
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(publicPort, "127.0.0.1", resolve);
    });
    this.#listeners.set(node, listener);
  }

  async #accept({ node, nodePort }: Listener, caller: Socket): Promise<void> {
    caller.on("error", () => undefined); // a caller that is gone needs nothing more
    const pid =
      caller.remotePort === undefined ? undefined : await this.#owners.ownerOf(caller.remotePort);
    const host = pid === undefined ? undefined : this.#hostOfPid.get(pid);
    if (host === undefined || this.#closed || caller.destroyed) {
      caller.destroy();
      return;
    }
    const passing: Passing = {
      hosts: [host, node],
      connection: new ProxiedConnection({
        caller,
        nodePort,
        forth: this.#gate(host, node),
        back: this.#gate(node, host),
        onClosed: () => this.#passing.delete(passing),
      }),
    };
    this.#passing.add(passing);
  }

  #gate(from: Host, to: Host): Gate {
    const key = `${from}>${to}`;
    const known = this.#gates.get(key);
    if (known !== undefined) return known;
    const gate = new Gate();
    this.#gates.set(key, gate);
    return gate;
  }
}
