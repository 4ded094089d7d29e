import type { Prng } from "@d-engine/simulator";
import type { Host } from "./host.js";
import type { NodePlaces } from "./network.js";
import { freePorts } from "./ports.js";

/** Nodes on ports of this machine with nothing in between. */
export class DirectNetwork implements NodePlaces {
  readonly #ports: readonly number[];

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
  }

  static async open(nodeCount: number, random: Prng): Promise<DirectNetwork> {
    return new DirectNetwork(await freePorts(nodeCount, random));
  }

  addressOf(node: Host): string {
    return `127.0.0.1:${this.#ports[node - 1]}`;
  }

  listenAddressOf(node: Host): string {
    return this.addressOf(node);
  }

  commandPrefix(): readonly string[] {
    return [];
  }

  joined(): void {
    // Nobody asks who is where.
  }

  left(): void {
    // Nobody asks who is where.
  }
}
