import { isEngineError } from "@d-engine/core";
import type { Prng, SimulatedNode } from "@d-engine/simulator";
import type { Simulation } from "../simulation.js";

/** A command that was answered. */
export interface AnsweredCommand {
  readonly command: Uint8Array;
  /** What `apply` returned on the node that led. */
  readonly result: unknown;
}

/** Callers that propose commands to whichever node they take for the leader, one at a time. */
export class CommandLoad {
  readonly answered: AnsweredCommand[] = [];
  /** Commands whose outcome is unknown: each was applied once or never. */
  readonly unknown: Uint8Array[] = [];
  readonly #simulation: Simulation;
  readonly #command: (random: Prng) => Uint8Array;
  #stopped = false;

  constructor(simulation: Simulation, command: (random: Prng) => Uint8Array) {
    this.#simulation = simulation;
    this.#command = command;
  }

  /** Resolves when the caller has ended, after `stop`. */
  async run(random: Prng): Promise<void> {
    const { world } = this.#simulation.cluster;
    while (!this.#stopped) {
      await world.sleep(random.exponential(pauseMs));
      const node = this.#choose(random);
      if (!this.#stopped && node.driver !== undefined) {
        await this.#propose(node, this.#command(random));
      }
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #choose(random: Prng): SimulatedNode {
    const { leader, nodes } = this.#simulation.cluster;
    return leader === undefined || random.chance(wrongNodeChance) ? random.pick(nodes) : leader;
  }

  async #propose(node: SimulatedNode, command: Uint8Array): Promise<void> {
    const { process } = node;
    if (process === undefined) return;
    const sent = command.slice();
    await new Promise<void>((resolve) => {
      process.whenEnded(resolve);
      process.enter(() => {
        const { driver } = node;
        if (driver === undefined) {
          resolve();
          return;
        }
        driver
          .propose(sent, (result) => result, { timeoutMs })
          .then(
            (result) => {
              this.answered.push({ command, result });
              resolve();
            },
            (error: unknown) => {
              this.#failed(command, error);
              resolve();
            },
          );
      });
    });
  }

  #failed(command: Uint8Array, error: unknown): void {
    if (!isEngineError(error)) {
      this.#simulation.cluster.witness.report("propose", String(error));
    } else if (error.outcome === "unknown") this.unknown.push(command);
  }
}

/** Mean pause of a caller between two commands. */
const pauseMs = 40;
const timeoutMs = 5_000;
/** How often a caller asks a node that may not lead. */
const wrongNodeChance = 0.1;
