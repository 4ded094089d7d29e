import { refusedMeansNoEffect } from "./checkers/c3-refused-means-no-effect.js";
import { type HistoryOperation, isAcknowledgedWrite } from "./checkers/history.js";
import { stormIn } from "./checkers/l4-no-storm.js";
import { leftoversOf, timersPiledUp } from "./checkers/l6-bounded.js";
import { checkHistory, type HistoryCounts } from "./checkers/linearizability.js";
import { Cluster } from "./cluster/cluster.js";
import type { SimulatedNode } from "./cluster/simulated-node.js";
import { Coordination } from "./coordination/coordination.js";
import type { Prng } from "./prng.js";
import { FaultInjector } from "./swarm/inject-faults.js";
import type { BrokenNode, Plan } from "./swarm/plan.js";
import type { Caller } from "./workload/call.js";
import { DirectCaller } from "./workload/direct-caller.js";
import { RoutedCaller } from "./workload/routed-caller.js";
import { SimulatedClient } from "./workload/simulated-client.js";

/**
 * One run in its phases, so that scripts can do what they like between the first and the last:
 * `begin` starts nodes and clients, `finish` heals, demands progress and judges.
 */
export class Run {
  readonly cluster: Cluster;
  readonly #plan: Plan;
  readonly injector: FaultInjector;
  readonly #history: HistoryOperation[] = [];
  readonly #clients: readonly SimulatedClient[];
  readonly #coordination: Coordination;
  /** Nodes that are broken for good. */
  #broken: readonly number[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.cluster = new Cluster(plan);
    this.injector = new FaultInjector(this.cluster, brokenOf(plan));
    this.#coordination = new Coordination(this.cluster);
    this.#clients = Array.from({ length: plan.workload.clients }, (_, index) => {
      const id = `c${index + 1}`;
      const random = this.cluster.random.split(`client ${id}`);
      const caller = this.#callerOf(index, random.split("caller"));
      return new SimulatedClient(this.cluster, id, random, caller, this.#history);
    });
  }

  /** Half of the routed clients run beside a node, and are cut off with it. */
  #callerOf(index: number, random: Prng): Caller {
    const { cluster } = this;
    if (index >= this.#plan.workload.routedClients) return new DirectCaller(cluster, random);
    const place = random.chance(0.5) ? random.pick(cluster.nodes).id : 0;
    return new RoutedCaller(cluster, `routed ${index + 1}`, place, random);
  }

  begin(): void {
    for (const node of this.cluster.nodes) node.start();
    this.startClients();
  }

  startClients(): void {
    this.#coordination.start();
    for (const client of this.#clients) {
      client.run().catch((error: unknown) => {
        this.cluster.witness.report("client", String(error));
      });
    }
  }

  /** Ends what is wrong, waits for progress and agreement, and judges what was answered. */
  async finish(): Promise<HistoryCounts | undefined> {
    const { nodes, witness } = this.cluster;
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
    this.#broken = this.injector.heal(brokenOf(this.#plan)).map(({ id }) => id);
    const { electionTimeoutMs } = this.#plan.raft;
    // Before it serves it must commit, and a majority may need a snapshot for that (seed 365).
    const electMs = electionTimeoutsMax * electionTimeoutMs;
    const withinMs = this.#pausedMs + electMs + this.#transferMs;
    const elected = await world.run(world.nowMs + withinMs, () => this.#leaderServes);
    if (elected || witness.violation !== undefined) return;
    witness.report("L1", `no leader serves ${Math.round(withinMs)} ms after the faults ended`);
  }

  /** L2 to L4: calls end, everybody catches up, the leader stays. */
  async #settle(): Promise<void> {
    const { world, witness } = this.cluster;
    const { raft, workload } = this.#plan;
    // Longer than a call that was lost when the faults ended can keep a client busy.
    const quietMs = this.#pausedMs + 6 * raft.electionTimeoutMs + 2 * workload.timeoutMs;
    const answeredBefore = this.#answeredWrites;
    const term = this.#highestTerm;
    await world.run(world.nowMs + quietMs);
    // Few clients, who think for long, may have been answered next to nothing yet (seed 513886).
    await world.run(world.nowMs + this.#answersMs, () => this.#isAnsweredEnough);
    if (witness.violation !== undefined) return;
    for (const client of this.#clients) client.stop();
    await this.#letLeasesEnd();
    if (witness.violation !== undefined) return;
    const catchUpMs = quietMs + this.#backlogMs + this.#transferMs;
    await world.run(world.nowMs + catchUpMs, () => this.#isCaughtUp);
    if (witness.violation !== undefined) return;
    if (this.#answeredWrites === answeredBefore && !(await this.#leaderAnswers(quietMs))) {
      witness.report("L2", `no write was answered within ${quietMs} ms with a leader there`);
      return;
    }
    await world.run(world.nowMs + quietMs);
    if (witness.violation !== undefined) return;
    if (this.#clients.some(({ busy }) => busy) || this.#coordination.isBusy) {
      witness.report("L2", "a call did not end within its timeout");
    }
    const hearMs = quietMs + silentMs;
    // A node that is mute for good still hears its leader, but is not sent what it does not confirm:
    // who watches there is told nothing (seed 236).
    const isMute = brokenOf(this.#plan).some(({ how }) => how === "mute");
    const hear = (): string | undefined =>
      isMute ? undefined : this.#coordination.unheard(this.#broken);
    await world.run(world.nowMs + hearMs, () => hear() === undefined);
    const unheard = hear();
    if (unheard !== undefined) {
      witness.report("W3", `${unheard}, ${hearMs} ms after the faults`);
    }
    this.#coordination.end();
    // The leader may have just given up old history, which is an entry like others (seed 333).
    await world.run(world.nowMs + catchUpMs, () => this.#isCaughtUp);
    if (witness.violation !== undefined) return;
    // Each healthy voter may have come out of the faults with an election of its own under way.
    // So may a leader that was removed, and hands over.
    if (this.#highestTerm > term + this.#healthy.length + 1) {
      witness.report("L4", `terms went from ${term} to ${this.#highestTerm} without faults`);
    }
    this.#checkAgreement();
    if (witness.violation === undefined) await this.#idle();
  }

  /** T2: what nobody keeps alive is gone soon, with a leader there. */
  async #letLeasesEnd(): Promise<void> {
    const { world, witness } = this.cluster;
    const coordination = this.#coordination;
    coordination.stopWriting();
    // A call that is under way may still begin a lease.
    const callsMs = 2 * this.#plan.workload.timeoutMs;
    await world.run(world.nowMs + callsMs, () => !coordination.isBusy);
    // What ends them is committed, and a majority may need a snapshot for that (seed 530).
    const livesMs = coordination.livesMs + this.#backlogMs + this.#transferMs;
    await world.run(world.nowMs + livesMs, () => coordination.isRid);
    if (coordination.isRid) return;
    const { leases } = this.cluster.equalStores.twin;
    const [[id, { ttlMs }] = [0, { ttlMs: 0 }]] = leases;
    witness.report("T2", `lease ${id} of ${ttlMs} ms has not ended in ${livesMs} ms`);
  }

  /**
   * Few clients, who find the leader by trying, may have asked it nothing (seed 502120), and many may
   * have asked more than a slow disk writes within their time (seed 506001).
   */
  async #leaderAnswers(withinMs: number): Promise<boolean> {
    const { cluster } = this;
    const { world, random } = cluster;
    const untilMs = world.nowMs + withinMs;
    const request = {
      op: "put",
      key: "last",
      value: "write",
      consistency: "linearizable",
    } as const;
    let answered = false;
    while (!answered && world.nowMs < untilMs) {
      // One that hands over refuses; who follows it is asked next.
      const asked = { leader: cluster.leader?.id, timeoutMs: untilMs - world.nowMs };
      const caller = new DirectCaller(cluster, random.split("last write"), asked);
      let ended = false;
      const call = caller.call(request).then((made) => {
        ended = true;
        answered = made?.answer.status === "ok";
      });
      await world.run(untilMs, () => ended);
      if (ended) await call;
      if (!answered) await world.run(world.nowMs + this.#plan.raft.electionTimeoutMs);
    }
    return answered;
  }

  /** L4 and L6: where nobody calls and nothing fails, next to nothing happens or is held. */
  async #idle(): Promise<void> {
    const { world, witness, network, nodes } = this.cluster;
    const { raft, voters, disk } = this.#plan;
    const { electionTimeoutMs, heartbeatIntervalMs, logCacheBytes, inflightMessagesMax } = raft;
    const durationMs = idleElectionTimeouts * electionTimeoutMs;
    const term = this.#highestTerm;
    const { sent } = network.counters;
    await world.run(world.nowMs + durationMs);
    const storm = stormIn({
      durationMs,
      nodes: nodes.length,
      voters: Math.max(voters, this.#healthy.length),
      broken: nodes.length - this.#healthy.length,
      electionTimeoutMs,
      heartbeatIntervalMs,
      terms: this.#highestTerm - term,
      messages: network.counters.sent - sent,
    });
    if (storm !== undefined) witness.report("L4", storm);
    // Strays are on their way for seconds, to nobody's cost: hundreds where a leader had lost its
    // majority while it streamed (seed 507749).
    const timers = timersPiledUp(world.planned - network.straysUnderWay, nodes.length);
    if (timers !== undefined) witness.report("L6", timers);
    for (const { id, driver, disk: files } of this.#healthy) {
      if (driver === undefined) continue;
      const leftovers = leftoversOf({
        id,
        status: driver.status(),
        metrics: driver.metrics(),
        files: files.fileCount,
        segmentBytes: disk.segmentBytes,
        logCacheBytes,
        inflightMessagesMax,
        snapshotsKept: disk.snapshotsKept ?? 2,
        broken: nodes.length - this.#healthy.length,
      });
      if (leftovers !== undefined) witness.report("L6", leftovers);
    }
  }

  /** L3 and I12: every healthy node holds and has applied what the leader has. */
  #checkAgreement(): void {
    const { witness, leader } = this.cluster;
    const target = leader?.kv?.driver.status();
    if (target === undefined) {
      witness.report("L1", "there is no leader at the end");
      return;
    }
    if (target.changeOutstanding) {
      const change = JSON.stringify(target.configuration);
      witness.report("L5", `a change of the members has not ended: ${change}`);
    }
    for (const { id, isRemoved } of this.cluster.nodes) {
      if (isRemoved && this.cluster.roster.has(id)) {
        witness.report("L5", `node ${id} stopped as removed, but is a member`);
      }
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
    const seen = this.#coordination.judge();
    if (seen !== undefined) witness.report(...ruleOf(seen));
    const verdict = checkHistory(this.#history, answersNeeded);
    if (verdict.kind !== "ok") witness.report(`C1 ${verdict.kind}`, verdict.explanation);
    return verdict.counts;
  }

  /** The members that can be asked to work. */
  get #healthy(): readonly SimulatedNode[] {
    const { nodes, roster } = this.cluster;
    return nodes.filter(({ id, isDamaged, isEnrolled }) => {
      return isEnrolled && !isDamaged && !this.#broken.includes(id) && roster.has(id);
    });
  }

  /** What was paused when the faults ended comes back by itself, this much later. */
  get #pausedMs(): number {
    const { nodes, world } = this.cluster;
    return Math.max(0, ...nodes.map((node) => (node.process?.nowMs ?? 0) - world.nowMs));
  }

  /**
   * What bandwidth and round trips make a few snapshots take: all keys and the history, with room for
   * what is around them, and two for each node, one after the other (seeds 502982, 442329987561027).
   */
  get #transferMs(): number {
    const { snapshots, workload, network, disk } = this.#plan;
    if (snapshots === undefined) return 0;
    const { snapshotBytesPerSecond, snapshotChunkBytes, snapshotWindowChunks } = snapshots;
    const { records, events } = this.cluster.equalStores.twin;
    const bytes = 2_000 + (records.size + events.length) * (workload.paddingBytes + 200);
    const atRateMs = snapshotBytesPerSecond === 0 ? 0 : (1_000 * bytes) / snapshotBytesPerSecond;
    const windows = Math.ceil(bytes / (snapshotChunkBytes * snapshotWindowChunks));
    // The receiver takes one chunk after the other, and its disk is busy with each (seed 600828).
    const diskMs = snapshotWindowChunks * syncsPerChunk * disk.syncMs;
    const windowMs = latenciesPerWindow * network.latencyMs + diskMs;
    return 3 * atRateMs + 2 * this.#healthy.length * windows * windowMs;
  }

  /** Every healthy node has applied what the leader has, and has it on its disk. */
  get #isCaughtUp(): boolean {
    const last = this.cluster.leader?.driver?.status().last.index;
    if (last === undefined || this.#backlogMs > 0) return false;
    return this.#healthy.every(({ kv }) => kv?.store.lastApplied === last);
  }

  /**
   * What a slow disk needs for what a node has in memory only. A learner that was caught up at once
   * has hundreds of entries waiting, and is promoted when they are written (seed 500352).
   */
  get #backlogMs(): number {
    const entries = this.#healthy.map(({ kv }) => {
      const status = kv?.driver.status();
      return status === undefined ? 0 : status.last.index - status.durableIndex;
    });
    return Math.max(0, ...entries) * syncsPerSegment * this.#plan.disk.syncMs;
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

  /** Within which one client alone makes all the calls that are needed, even if each is slow. */
  get #answersMs(): number {
    const { thinkMs, timeoutMs } = this.#plan.workload;
    return answeredRoom * answersNeeded.answeredMin * (thinkMs + timeoutMs);
  }

  get #isAnsweredEnough(): boolean {
    if (this.cluster.witness.violation !== undefined) return true;
    const { answeredMin, writesMin } = answersNeeded;
    const answered = this.#history.filter(({ status }) => status === "ok");
    return (
      answered.length >= answeredMin && answered.filter(isAcknowledgedWrite).length >= writesMin
    );
  }
}

/** A finding begins with its rule. */
function ruleOf(finding: string): [rule: string, message: string] {
  const at = finding.indexOf(": ");
  return [finding.slice(0, at), finding.slice(at + 2)];
}

function brokenOf({ ending }: Plan): readonly BrokenNode[] {
  return ending.kind === "quorumOnly" ? ending.broken : [];
}

/** A run in which next to nothing was answered proves nothing. */
const answersNeeded = { answeredMin: 20, writesMin: 5, stepsMaxPerKey: 100_000 };
/** Think times are drawn, and some calls are refused. */
const answeredRoom = 2;
/** Writing one, with what waits for the disk before it. */
const syncsPerChunk = 4;
/** There and back, each with its share of chance. */
const latenciesPerWindow = 6;
/** To make one ready, to change over to it and to write to it; an entry may take a whole segment. */
const syncsPerSegment = 10;
/** L1: split votes happen; this many in a row do not, by chance. */
const electionTimeoutsMax = 30;
/** After which a client that owes a connection nothing finds out that it is broken. */
const silentMs = 40_000;
/** How long nodes are watched that have nothing to do. */
const idleElectionTimeouts = 10;
