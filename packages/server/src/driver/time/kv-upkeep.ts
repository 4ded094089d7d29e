import type { CompactCommand } from "@d-engine/codec";
import type { Clock } from "@d-engine/core";
import type { ClusterTime } from "./cluster-time.js";
import { Expiry } from "./expiry.js";
import type { HistoryAge } from "./history-age.js";
import type { ProposeUpkeep, TimedStore, UpkeepCommand } from "./timed-store.js";

/** A new leader loses no more of the time than passed since the last stamp: half of rule R15's. */
const timeEntryEveryMs = 500;
/** What was refused is not proposed again at once: the reason, a full disk perhaps, will last. */
const pauseMs = 100;

export interface KvUpkeepSetup {
  readonly store: TimedStore;
  readonly time: ClusterTime;
  readonly clock: Clock;
  readonly age: HistoryAge;
  readonly allowed: () => boolean;
  readonly propose: ProposeUpkeep;
}

/** What a leader does for the store in one term. Whatever fails is tried again by a later tick. */
export class KvUpkeep {
  readonly #setup: KvUpkeepSetup;
  readonly #expiry: Expiry;
  /** What is under way besides expiry, at most one of each kind. */
  readonly #underWay = new Set<UpkeepCommand["kind"]>();
  #pausedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(setup: KvUpkeepSetup) {
    this.#setup = setup;
    const propose: ProposeUpkeep = (command, stampMs) => this.#propose(command, stampMs);
    this.#expiry = new Expiry(setup.store, setup.time, propose);
  }

  tick(): void {
    if (this.#setup.clock.nowMs() < this.#pausedUntilMs) return;
    this.#expiry.pump();
    this.#writeTime();
    this.#compact();
  }

  end(): void {
    this.#expiry.end();
  }

  #writeTime(): void {
    const { store, time } = this.#setup;
    const nowMs = time.nowMs();
    if (store.leaseCount === 0 || nowMs - time.newestStampMs < timeEntryEveryMs) return;
    this.#start({ kind: "time" }, nowMs);
  }

  #compact(): void {
    const { store, age, time, allowed } = this.#setup;
    const revision = Math.max(store.compactionDue() ?? 0, age.retired);
    // Leases need no such look: there are none before everybody knows them.
    if (revision <= store.oldestRevision || !allowed()) return;
    const command: CompactCommand = { kind: "compact", revision };
    this.#start(command, time.nowMs());
  }

  #start(command: UpkeepCommand, stampMs: number): void {
    const { kind } = command;
    if (this.#underWay.has(kind)) return;
    this.#underWay.add(kind);
    const done = (): void => {
      this.#underWay.delete(kind);
    };
    this.#propose(command, stampMs).then(done, done);
  }

  async #propose(command: UpkeepCommand, stampMs: number): Promise<void> {
    const { clock, propose } = this.#setup;
    try {
      await propose(command, stampMs);
    } catch (error) {
      this.#pausedUntilMs = clock.nowMs() + pauseMs;
      throw error;
    }
  }
}
