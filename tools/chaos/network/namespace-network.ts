import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import type { Prng } from "@d-engine/simulator";
import { type Host, OUTSIDE } from "./host.js";
import type { Network } from "./network.js";

const run = promisify(execFile);

const nodePort = 9081;
/** A hardware address that nobody has: what is sent there is lost without a word. */
const nowhere = "02:dc:00:00:ff:ff";
const interfaceName = "eth0";

/**
 * A network namespace for every node, all on one bridge of this machine; this process and the
 * clients of no node are on the bridge itself. A direction is blocked by giving the sender a wrong
 * hardware address for the receiver, so that its packets are lost while the others' arrive: what
 * TCP makes of that is the kernel's, with its retransmissions and its rising pauses.
 *
 * Needs root and the `ip` and `ss` tools; `unavailable` tells why it cannot be had.
 */
export class NamespaceNetwork implements Network {
  readonly kind = "namespaces";
  readonly canDelay = false;
  readonly #name: string;
  readonly #subnet: string;
  readonly #hosts: readonly Host[];
  readonly #onExit = (): void => this.#removeNow();

  private constructor(nodeCount: number, random: Prng) {
    this.#name = `dc${process.pid % 100_000}`;
    this.#subnet = `10.213.${random.between(1, 254)}`;
    this.#hosts = Array.from({ length: nodeCount + 1 }, (_, host) => host);
  }

  /** Why this machine cannot make namespaces for this process; `undefined` when it can. */
  static async unavailable(): Promise<string | undefined> {
    if (process.platform !== "linux") return "network namespaces need Linux";
    const probe = `dcprobe${process.pid}`;
    try {
      await run("ss", ["-h"]);
      await run("ip", ["netns", "add", probe]);
      try {
        await run("ip", ["link", "add", probe.slice(0, 14), "type", "bridge"]);
        await run("ip", ["link", "del", probe.slice(0, 14)]);
      } finally {
        await run("ip", ["netns", "del", probe]);
      }
      return undefined;
    } catch (error) {
      return `network namespaces cannot be made: ${(error as Error).message.trim()}`;
    }
  }

  static async open(nodeCount: number, random: Prng): Promise<NamespaceNetwork> {
    const network = new NamespaceNetwork(nodeCount, random);
    process.once("exit", network.#onExit);
    try {
      await network.#make();
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  addressOf(node: Host): string {
    return `${this.#ip(node)}:${nodePort}`;
  }

  listenAddressOf(node: Host): string {
    return this.addressOf(node);
  }

  commandPrefix(host: Host): readonly string[] {
    return host === OUTSIDE ? [] : ["ip", "netns", "exec", this.#namespace(host)];
  }

  joined(): void {
    // A process is where its namespace is.
  }

  left(): void {
    // A process is where its namespace is.
  }

  block(from: Host, to: Host): Promise<void> {
    return this.#route(from, to, nowhere);
  }

  unblock(from: Host, to: Host): Promise<void> {
    return this.#route(from, to, hardwareAddress(to));
  }

  delay(): void {
    throw new Error("this kernel network cannot delay; see canDelay");
  }

  /** Both ends forget their connections to each other; a reset tells, if it arrives. */
  async cut(one: Host, other: Host): Promise<void> {
    await Promise.all([this.#forget(one, other), this.#forget(other, one)]);
  }

  /** Segments that the nodes had to send again. */
  async heldBack(): Promise<number> {
    let sum = 0;
    for (const host of this.#hosts.slice(1)) {
      const { stdout } = await this.#in(host, "cat", ["/proc/net/snmp"]);
      const [names, values] = stdout.split("\n").filter((line) => line.startsWith("Tcp:"));
      const at = names?.split(" ").indexOf("RetransSegs") ?? -1;
      sum += Number(values?.split(" ")[at] ?? 0);
    }
    return sum;
  }

  async close(): Promise<void> {
    process.removeListener("exit", this.#onExit);
    for (const command of this.#removal()) await run("ip", command).catch(() => undefined);
  }

  async #make(): Promise<void> {
    const bridge = this.#name;
    await run("ip", ["link", "add", bridge, "address", hardwareAddress(0), "type", "bridge"]);
    await run("ip", ["addr", "add", `${this.#ip(OUTSIDE)}/24`, "dev", bridge]);
    await run("ip", ["link", "set", bridge, "up"]);
    for (const host of this.#hosts.slice(1)) await this.#makeHost(host);
    // Known from the start: no question for an address has to pass a blocked direction.
    for (const from of this.#hosts) {
      for (const to of this.#hosts) if (to !== from) await this.unblock(from, to);
    }
  }

  async #makeHost(host: Host): Promise<void> {
    const namespace = this.#namespace(host);
    const inner = ["name", interfaceName, "address", hardwareAddress(host), "netns", namespace];
    await run("ip", ["netns", "add", namespace]);
    await run("ip", ["link", "add", namespace, "type", "veth", "peer", ...inner]);
    await run("ip", ["link", "set", namespace, "master", this.#name, "up"]);
    const address = `${this.#ip(host)}/24`;
    await run("ip", ["-n", namespace, "addr", "add", address, "dev", interfaceName]);
    await run("ip", ["-n", namespace, "link", "set", interfaceName, "up"]);
    await run("ip", ["-n", namespace, "link", "set", "lo", "up"]);
  }

  async #route(from: Host, to: Host, hardware: string): Promise<void> {
    const device = from === OUTSIDE ? this.#name : interfaceName;
    const entry = [this.#ip(to), "lladdr", hardware, "dev", device, "nud", "permanent"];
    await this.#in(from, "ip", ["neigh", "replace", ...entry]);
  }

  async #forget(host: Host, other: Host): Promise<void> {
    await this.#in(host, "ss", ["-K", "dst", this.#ip(other)]);
  }

  #in(host: Host, command: string, args: readonly string[]): Promise<{ stdout: string }> {
    const [first, ...rest] = [...this.commandPrefix(host), command, ...args];
    return run(first!, rest);
  }

  #removeNow(): void {
    for (const command of this.#removal()) {
      try {
        execFileSync("ip", command, { stdio: "ignore" });
      } catch {
        // It was not made, or is gone already.
      }
    }
  }

  #removal(): string[][] {
    const namespaces = this.#hosts.slice(1).map((host) => this.#namespace(host));
    return [...namespaces.map((name) => ["netns", "del", name]), ["link", "del", this.#name]];
  }

  #namespace(host: Host): string {
    return `${this.#name}-${host}`;
  }

  #ip(host: Host): string {
    return `${this.#subnet}.${host === OUTSIDE ? 254 : host}`;
  }
}

function hardwareAddress(host: Host): string {
  return `02:dc:00:00:00:${(host + 1).toString(16).padStart(2, "0")}`;
}
