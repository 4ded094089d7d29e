import { refusedMeansNoEffect } from "./checkers/c3-refused-means-no-effect.js";
import type { HistoryOperation } from "./checkers/history.js";
import { checkHistory, type HistoryCounts } from "./checkers/linearizability.js";
import type { Violation } from "./checkers/witness.js";
import { Cluster } from "./cluster/cluster.js";
import type { SimulatedNode } from "./cluster/simulated-node.js";
import { FaultInjector } from "./swarm/inject-faults.js";
import type { Plan } from "./swarm/plan.js";
import { SimulatedClient } from "./workload/simulated-client.js";

/** What a run came to. */
export interface RunResult {
  readonly plan: Plan;
  /** The first broken promise; `undefined` when all held. */
  readonly violation: Violation | undefined;
  /** Equal for runs of equal plans. */
  readonly eventHash: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: HistoryCounts | undefined;
  readonly coverage: ReadonlyMap<string, number>;
  /** The newest events, oldest first, for the report of a failure. */
  readonly tail: readonly string[];
}

export interface RunOptions {
  /** Lines of events to hand back. */
  readonly tailLines?: number;
}

/**
 * Runs a plan: faults and load; healing; then a bounded time to elect, to serve and to agree; at
 * last the history is judged.
 */
export async function runPlan(plan: Plan, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(plan);
  const counts = await run.execute();
  const { world, witness, coverage, network } = run.cluster;
  coverage.add("message duplicated", network.counters.duplicated);
  coverage.add("message strayed", network.counters.strayed);
  return {
    plan,
    violation: witness.violation,
    eventHash: world.trace.hash,
    events: world.trace.count,
    simulatedMs: world.nowMs,
    counts,
    coverage: coverage.counts,
    tail: world.trace.tail(options.tailLines ?? 0),
  };
}

class Run {
  readonly cluster: Cluster;
  readonly #plan: Plan;
  readonly #injector: FaultInjector;
  readonly #history: HistoryOperation[] = [];
  readonly #clients: readonly SimulatedClient[];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.cluster = new Cluster(plan);
    this.#injector = new FaultInjector(this.cluster);
    this.#clients = Array.from({ length: plan.workload.clients }, (_, index) => {
      const id = `c${index + 1}`;
      const random = this.cluster.random.split(`client ${id}`);
      return new SimulatedClient(this.cluster, id, random, this.#history);
    });
  }

  async execute(): Promise<HistoryCounts | undefined> {
    const { world, nodes, witness } = this.cluster;
    for (const node of nodes) node.start();
    const clients = this.#clients.map((client) => client.run());
    for (const client of clients) {
      client.catch((error: unknown) => witness.report("client", String(error)));
    }
    this.#injector.plan(this.#plan.faults);
    await world.run(this.#plan.faultyMs);
    await this.#phase(() => this.#healAndElect());
    await this.#phase(() => this.#settle());
    for (const node of nodes) node.countMetrics();
    if (witness.violation !== undefined) return undefined;
    return this.#judge();
  }

  async #phase(phase: () => Promise<void>): Promise<void> {
    if (this.cluster.witness.violation === undefined) await phase();
  }

  /** L1: with all healed, or a quorum healthy, there is a leader within a bounded time. */
  async #healAndElect(): Promise<void> {
    const { world, witness } = this.cluster;
    const { ending } = this.#plan;
    const broken = ending.kind === "quorumOnly" ? ending.broken : [];
    this.#injector.heal(broken);
    const { electionTimeoutMs } = this.#plan.raft;
    // What was paused or stalled when the faults ended comes back by itself, a while later.
    const pausedMs = Math.max(
      ...this.#healthy.map((node) => (node.process?.nowMs ?? world.nowMs) - world.nowMs),
    );
    const withinMs = pausedMs + electionTimeoutsMax * electionTimeoutMs;
    const elected = await world.run(world.nowMs + withinMs, () => this.#leaderServes);
    if (elected || witness.violation !== undefined) return;
    witness.report("L1", `no leader serves ${Math.round(withinMs)} ms after the faults ended`);
  }

  /** L2 to L4: calls end, everybody catches up, the leader stays. */
  async #settle(): Promise<void> {
    const { world, witness } = this.cluster;
    const { raft, workload } = this.#plan;
    // Longer than a call that was lost when the faults ended can keep a client busy.
    const quietMs = 6 * raft.electionTimeoutMs + 2 * workload.timeoutMs;
    const answeredBefore = this.#answeredWrites;
    const term = this.#highestTerm;
    await world.run(world.nowMs + quietMs);
    if (witness.violation !== undefined) return;
    for (const client of this.#clients) client.stop();
    await world.run(world.nowMs + quietMs);
    if (witness.violation !== undefined) return;
    if (this.#answeredWrites === answeredBefore) {
      witness.report("L2", `no write was answered within ${quietMs} ms with a leader there`);
    }
    if (this.#clients.some(({ busy }) => busy)) {
      witness.report("L2", "a call did not end within its timeout");
    }
    if (this.#highestTerm > term + termsMax) {
      witness.report("L4", `terms went from ${term} to ${this.#highestTerm} without faults`);
    }
    this.#checkAgreement();
  }

  /** L3 and I12: every healthy node holds and has applied what the leader has. */
  #checkAgreement(): void {
    const { witness, leader } = this.cluster;
    const target = leader?.kv?.driver.status();
    if (target === undefined) {
      witness.report("L1", "there is no leader at the end");
      return;
    }
    for (const node of this.#healthy) {
      const { kv } = node;
      const applied = kv?.store.lastApplied ?? 0;
      if (applied !== target.last.index) {
        const message = `node ${node.id} applied ${applied}, the leader holds ${target.last.index}`;
        witness.report("L3", message);
      }
      this.cluster.compareState(node);
    }
  }

  #judge(): HistoryCounts {
    const { witness, appliedOnce } = this.cluster;
    const refused = this.#history
      .filter(({ op, status }) => status === "fail" && (op === "put" || op === "cas"))
      .map(({ value }) => value!);
    const effect = refusedMeansNoEffect(refused, appliedOnce);
    if (effect !== undefined) witness.report("C3", effect);
    const verdict = checkHistory(this.#history, { answeredMin: 20, writesMin: 5 });
    if (verdict.kind !== "ok") witness.report(`C1 ${verdict.kind}`, verdict.explanation);
    return verdict.counts;
  }

  get #healthy(): readonly SimulatedNode[] {
    const { ending } = this.#plan;
    const broken = ending.kind === "quorumOnly" ? ending.broken.map(({ id }) => id) : [];
    return this.cluster.nodes.filter(({ id }) => !broken.includes(id));
  }

  get #leaderServes(): boolean {
    return this.#healthy.some((node) => node.kv?.driver.status().leaderReady === true);
  }

  get #highestTerm(): number {
    return Math.max(...this.#healthy.map((node) => node.kv?.driver.status().term ?? 0));
  }

  get #answeredWrites(): number {
    return this.#history.filter(({ op, status }) => op !== "get" && status === "ok").length;
  }
}

/** L1: split votes happen; this many in a row do not, by chance. */
const electionTimeoutsMax = 30;
/** L4: how far terms may rise while nothing goes wrong, as the end of the faults is digested. */
const termsMax = 3;
