import { Cluster, type ClusterPlan, type CreateMachine, Prng } from "@d-engine/simulator";
import { Faults } from "./faults/faults.js";
import { failureReport } from "./report.js";
import type { ResolvedSimulation } from "./simulate-options.js";
import { SimulationError } from "./simulation-error.js";
import type { SimulationResult } from "./simulation-result.js";

type Outcome =
  | { readonly kind: "pending" | "done" }
  | { readonly kind: "failed"; readonly error: unknown };

/** A cluster, its faults, and the bounds of its test: one simulation from start to end. */
export class Simulation {
  readonly options: ResolvedSimulation;
  readonly cluster: Cluster<ClusterPlan>;
  readonly faults: Faults;
  readonly random: Prng;

  constructor(options: ResolvedSimulation, createMachine: CreateMachine) {
    this.options = options;
    this.cluster = new Cluster(options.plan, createMachine);
    this.random = new Prng(options.seed, 2);
    this.faults = new Faults(this.cluster, this.random.split("faults"));
    const { world } = this.cluster;
    const checkInvariants = world.afterEvent;
    world.afterEvent = () => {
      checkInvariants?.();
      if (world.events >= options.eventsMax) world.stop();
    };
  }

  /**
   * Brings the cluster up, lets faults begin, and runs `test` in virtual time until it has ended.
   *
   * @throws SimulationError when the test throws, does not end within its bounds, or an invariant
   *   of the engine breaks
   */
  async run(test: () => unknown): Promise<SimulationResult> {
    for (const node of this.cluster.nodes) node.start();
    await this.#within("a first leader", leaderElectionTimeouts * this.#electionTimeoutMs, () =>
      this.cluster.nodes.some((node) => node.driver?.status().leaderReady === true),
    );
    this.faults.begin(this.options.faults);
    let outcome: Outcome = { kind: "pending" };
    (async () => await test())().then(
      () => {
        outcome = { kind: "done" };
      },
      (error: unknown) => {
        outcome = { kind: "failed", error };
      },
    );
    const hasEnded = () => outcome.kind !== "pending";
    await this.#within("the end of the test", this.options.virtualMsMax, hasEnded);
    this.#throwFailure(outcome);
    return this.#result();
  }

  async #within(what: string, withinMs: number, done: () => boolean): Promise<void> {
    const { world, witness } = this.cluster;
    // A callback that throws ends a real process; here it ends the simulation.
    const ended = await world.run(world.nowMs + withinMs, done).catch((error: unknown) => {
      throw this.failure(messageOf(error), error);
    });
    const { violation } = witness;
    if (violation !== undefined) throw this.failure(`${violation.rule}: ${violation.message}`);
    if (!ended) throw this.failure(this.#whyNotEnded(what, withinMs));
  }

  #whyNotEnded(what: string, withinMs: number): string {
    const { world } = this.cluster;
    const { eventsMax } = this.options;
    if (world.events >= eventsMax) {
      return (
        `${eventsMax} simulated events (eventsMax) have not brought ${what}: a loop that never ` +
        "rests, or a test that needs more"
      );
    }
    if (world.pending === 0) {
      return `${what} cannot come: nothing is left to happen, so what is awaited is not simulated`;
    }
    return (
      `${Math.round(withinMs)} ms of virtual time have not brought ${what} (virtualMsMax); what ` +
      "is awaited never came, or waits for real time: timers and I/O of Node.js are not simulated"
    );
  }

  #throwFailure(outcome: Outcome): void {
    if (outcome.kind !== "failed") return;
    throw this.failure(messageOf(outcome.error), outcome.error);
  }

  /** The error of a simulation that went wrong in this way. */
  failure(reason: string, cause?: unknown): SimulationError {
    const report = failureReport(this, reason);
    return new SimulationError({ seed: this.options.seed, reason, report, cause });
  }

  #result(): SimulationResult {
    const { world, network } = this.cluster;
    const { sent, lost, cut, duplicated } = network.counters;
    return {
      seed: this.options.seed,
      hash: world.trace.hash,
      events: world.events,
      virtualMs: world.nowMs,
      faults: this.faults.counts,
      messages: { sent, lost, cut, duplicated },
    };
  }

  get #electionTimeoutMs(): number {
    return this.options.plan.raft.electionTimeoutMs;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Without faults a leader is there after a few; this many split votes do not happen. */
const leaderElectionTimeouts = 60;
