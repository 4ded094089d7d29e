import { type Clock, isEngineError, type Term } from "@d-engine/core";
import type { Counters } from "../metrics.js";
import type { ClusterTime } from "./cluster-time.js";
import { HistoryAge } from "./history-age.js";
import { KvUpkeep } from "./kv-upkeep.js";
import type { ProposeUpkeep, TimedStore, UpkeepCommand } from "./timed-store.js";

export interface KvKeeperSetup {
  readonly store: TimedStore;
  readonly time: ClusterTime;
  readonly clock: Clock;
  readonly counters: Counters;
  /** The term in which this node leads with its noop applied; `undefined` while it does not. */
  readonly leadsIn: () => Term | undefined;
  /** Whether every member knows the commands of the store beyond the contract's (rule R14). */
  readonly allowed: () => boolean;
  readonly propose: ProposeUpkeep;
  /** How long history is kept, in milliseconds; 0: as long as the store wants. */
  readonly historyRetentionMs: number;
}

/**
 * Keeps the store while this node leads: ends what is due, writes the time while there are leases,
 * and gives up old history. It does nothing that a leader which was deposed could do harm with:
 * expiry names deadlines, a compaction is the promise of a revision, and time never goes back.
 */
export class KvKeeper {
  readonly #setup: KvKeeperSetup;
  readonly #age: HistoryAge;
  #term: Term | undefined;
  #upkeep: KvUpkeep | undefined;

  constructor(setup: KvKeeperSetup) {
    this.#setup = setup;
    this.#age = new HistoryAge(setup.clock, setup.historyRetentionMs);
  }

  /** Time has passed. Called on every node, so that one that begins to lead knows ages already. */
  tick(): void {
    const { store, leadsIn } = this.#setup;
    this.#age.see(store.revision);
    const term = leadsIn();
    if (term !== this.#term) this.#begin(term);
    this.#upkeep?.tick();
  }

  #begin(term: Term | undefined): void {
    this.#term = term;
    this.#upkeep?.end();
    const propose = (command: UpkeepCommand, stampMs: number) => this.#propose(command, stampMs);
    const parts = { ...this.#setup, age: this.#age, propose };
    this.#upkeep = term === undefined ? undefined : new KvUpkeep(parts);
  }

  async #propose(command: UpkeepCommand, stampMs: number): Promise<void> {
    const { counters, propose } = this.#setup;
    try {
      await propose(command, stampMs);
    } catch (error) {
      if (isEngineError(error) && error.outcome === "unknown") counters.upkeepUnknown += 1;
      else counters.upkeepRefused += 1;
      throw error;
    }
    if (command.kind === "expire") counters.expiries += 1;
    else if (command.kind === "time") counters.timeEntries += 1;
    else counters.compactions += 1;
  }
}
