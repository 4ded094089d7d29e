import type { JournalEntry } from "../checkers/equal-stores.js";
import type { Cluster } from "../cluster/cluster.js";
import { rangeFault, txnFault } from "./check-answers.js";
import { endsOf, lifeFault } from "./check-lives.js";
import { unheardBy, watchFault } from "./check-watches.js";
import { runLessee } from "./lessee.js";
import { Observations } from "./observations.js";
import { Past } from "./past.js";
import { Program } from "./program.js";
import { runWatcher } from "./watcher.js";
import { runWriter } from "./writer.js";

/** What is due is ended this much later at most while a leader exists (T2). */
const lateMsMax = 1_000;
/** By how much clocks may be slower than true time. */
const rateRoom = 1.1;

/**
 * The part of a run's load that uses history, watches and leases, by the client that ships, and what
 * it must have seen: W1 to W9 and T1 to T5, transactions and ranges.
 */
export class Coordination {
  readonly #cluster: Cluster;
  readonly #seen = new Observations();
  readonly #programs: readonly Program[];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    const programs = cluster.plan.coordination?.programs ?? 0;
    const random = cluster.random.split("coordination");
    this.#programs = Array.from({ length: programs }, (_, at) => {
      const name = `p${at + 1}`;
      return new Program(cluster, name, random.split(name), this.#seen);
    });
  }

  get isBusy(): boolean {
    return this.#programs.some(({ isBusy }) => isBusy);
  }

  start(): void {
    const { witness, plan } = this.#cluster;
    for (const program of this.#programs) {
      const watchers = Array.from({ length: plan.coordination?.watches ?? 0 }, (_, at) =>
        runWatcher(program, `${program.name}/w${at + 1}`),
      );
      for (const activity of [runWriter(program), runLessee(program), ...watchers]) {
        activity.catch((error: unknown) => witness.report("program", String(error)));
      }
    }
  }

  /** Nothing more is begun, and nothing kept alive. Watches go on. */
  stopWriting(): void {
    for (const program of this.#programs) program.stop();
  }

  /** Ends the watches too. */
  end(): void {
    for (const program of this.#programs) program.end();
  }

  /** Within which every lease must have ended when nobody keeps any (T2). */
  get livesMs(): number {
    const { coordination, raft } = this.#cluster.plan;
    const longest = coordination?.ttlMs[1] ?? 0;
    return rateRoom * (longest + lateMsMax) + raft.electionTimeoutMs;
  }

  /** Whether every lease has ended (T2: it must, while there is a leader). */
  get isRid(): boolean {
    return this.#cluster.equalStores.twin.leases.size === 0;
  }

  /** What an open watch has not told of, if one has not told of all that it can have heard. */
  unheard(broken: readonly number[]): string | undefined {
    const { twin } = this.#cluster.equalStores;
    for (const watch of this.#seen.watches) {
      const isDue = watch.isOpen && !broken.includes(watch.place);
      const event = isDue ? unheardBy(watch, twin) : undefined;
      if (event === undefined) continue;
      const { name, from, to, revision } = watch;
      const what = `${event.key} at ${event.revision}`;
      return `watch ${name} of ${from} to ${to} is at ${revision}, and has not told of ${what}`;
    }
    return undefined;
  }

  /** What was wrong, rule first. */
  judge(): string | undefined {
    const { twin, journal } = this.#cluster.equalStores;
    const byAttempt = new Map<string, JournalEntry>();
    for (const entry of journal) {
      if (entry.attempt !== undefined) byAttempt.set(entry.attempt, entry);
    }
    const past = new Past(twin.events);
    const ends = endsOf(journal);
    const { txns, ranges, watches, lives } = this.#seen;
    const faults = [
      ...watches.map((watch) => watchFault(watch, twin)),
      ...txns.map((txn) => txnFault(txn, byAttempt.get(txn.attempt))),
      ...ranges.map((range) => rangeFault(range, past, twin.oldestRevision)),
      ...lives.map((life) => lifeFault(life, ends)),
    ];
    this.#cover();
    return faults.find((fault) => fault !== undefined);
  }

  #cover(): void {
    const { coverage } = this.#cluster;
    const { txns, watches, lives } = this.#seen;
    for (const { ended } of txns) {
      if (ended.status === "ok") coverage.add("transaction answered");
      if (ended.status === "unknown") coverage.add("transaction of unknown outcome");
    }
    for (const { batches, compactedAt } of watches) {
      for (const { events } of batches) coverage.add("watched event", events.length);
      if (compactedAt !== undefined) coverage.add("watch ended: compacted");
    }
    for (const { heldMs } of lives) if (heldMs > 0) coverage.add("lease kept alive");
  }
}
