import {
  type Cluster,
  type ClusterPlan,
  drawFault,
  type Fault,
  FaultInjector,
  type Prng,
} from "@d-engine/simulator";
import { FAULT_CLASSES, type FaultClass, faultClassOf, faultKinds } from "./fault-class.js";

/** A fault that struck, and when. */
export interface StruckFault {
  /** Virtual milliseconds since the start. */
  readonly atMs: number;
  readonly what: string;
}

/** How many faults of each class struck. */
export type FaultCounts = Readonly<Record<FaultClass, number>>;

/** A fault without its time, of the kinds after which the whole cluster can be well again. */
export type FaultNow =
  Exclude<Fault, { readonly kind: "bitFlip" }> extends infer One
    ? One extends Fault
      ? Omit<One, "atMs">
      : never
    : never;

/** Everything that goes wrong in one simulation, by itself or because the test says so. */
export class Faults {
  readonly struck: StruckFault[] = [];
  readonly #counts = Object.fromEntries(FAULT_CLASSES.map((name) => [name, 0])) as Record<
    FaultClass,
    number
  >;
  readonly #cluster: Cluster<ClusterPlan>;
  readonly #random: Prng;
  #injector: FaultInjector;
  #drawing = false;

  constructor(cluster: Cluster<ClusterPlan>, random: Prng) {
    this.#cluster = cluster;
    this.#random = random;
    this.#injector = new FaultInjector(cluster);
  }

  get counts(): FaultCounts {
    return { ...this.#counts };
  }

  /**
   * From now on faults of these classes strike at random. Each class first strikes soon, and then
   * at a rate of its own, so that seeds differ in what they consist of.
   */
  begin(classes: readonly FaultClass[]): void {
    this.#drawing = true;
    const { electionTimeoutMs } = this.#cluster.plan.raft;
    for (const name of classes) {
      const random = this.#random.split(name);
      const gapMs = electionTimeoutMs * random.logUniform(...gapElectionTimeouts);
      this.#later(
        name,
        random,
        random.uniform(0, firstElectionTimeouts * electionTimeoutMs),
        gapMs,
      );
    }
  }

  /** A fault of the test's choice strikes now. */
  strike(fault: FaultNow): void {
    this.count(faultClassOf(fault.kind), describe(fault));
    this.#injector.plan([{ ...fault, atMs: 0 } as Fault]);
  }

  /** For a fault that the test brings about by itself. */
  count(name: FaultClass, what: string): void {
    this.#counts[name] += 1;
    this.struck.push({ atMs: this.#cluster.world.nowMs, what });
  }

  /** Ends every fault, and no more strike by themselves. */
  heal(): void {
    this.#drawing = false;
    this.#injector.heal([]);
    this.struck.push({ atMs: this.#cluster.world.nowMs, what: "everything heals" });
    this.#injector = new FaultInjector(this.#cluster);
  }

  #later(name: FaultClass, random: Prng, delayMs: number, gapMs: number): void {
    this.#cluster.world.schedule(delayMs, () => {
      if (!this.#drawing) return;
      const { plan } = this.#cluster;
      const scope = {
        nodes: plan.voters + plan.learners,
        electionTimeoutMs: plan.raft.electionTimeoutMs,
      };
      const fault = drawFault(random, random.pick(faultKinds[name]), 0, scope);
      this.strike(fault as FaultNow); // No class has other kinds.
      this.#later(name, random, random.exponential(gapMs), gapMs);
    });
  }
}

/** Between which means the pauses between two faults of a class lie. */
const gapElectionTimeouts = [2, 20] as const;
/** Within this time every class has struck once. */
const firstElectionTimeouts = 3;

function describe(fault: FaultNow): string {
  const details = Object.entries(fault)
    .filter(([name]) => name !== "kind" && name !== "atMs")
    .map(([name, value]) => `${name} ${describeValue(name, value)}`);
  return `${fault.kind} (${details.join(", ")})`;
}

function describeValue(name: string, value: unknown): string {
  if (name === "target" && value === 0) return "leader";
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}
