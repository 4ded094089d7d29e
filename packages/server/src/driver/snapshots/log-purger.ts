import type {
  Clock,
  InputEvent,
  LogId,
  LogIndex,
  LogStore,
  RaftNode,
  SnapshotStore,
} from "@d-engine/core";
import type { Logger } from "../logger.js";
import type { Counters } from "../metrics.js";
import type { DriverOptions } from "../options.js";
import { BackOff } from "./back-off.js";

export interface LogPurgerSetup {
  readonly node: RaftNode;
  readonly log: LogStore;
  readonly snapshots: SnapshotStore;
  readonly clock: Clock;
  readonly options: DriverOptions;
  readonly logger: Logger;
  readonly counters: Counters;
  /** The label of the oldest snapshot that is being sent, whose receiver needs what follows. */
  readonly hold: () => LogIndex | undefined;
  /** Begins a snapshot, so that more can be purged. */
  readonly makeSnapshot: () => void;
  readonly post: (event: InputEvent) => void;
}

/**
 * Gives up the part of the log that a durable snapshot covers, but for a tail for slow followers
 * and what follows a snapshot in transfer (rule R7). At `logBytesMax` both are given up, too; what
 * is too much even then is said by `full`, until a newer snapshot has made room.
 */
export class LogPurger {
  readonly #setup: LogPurgerSetup;
  readonly #backOff: BackOff;
  #running: Promise<void> | undefined;
  #full = false;
  #closed = false;

  constructor(setup: LogPurgerSetup) {
    this.#setup = setup;
    this.#backOff = new BackOff(setup.clock);
  }

  /** Why no more writes are taken in, while the log is at its bound. */
  get full(): string | undefined {
    if (!this.#full) return undefined;
    const { log, options } = this.#setup;
    return (
      `the log holds ${log.bytes} bytes, of at most ${options.logBytesMax} (logBytesMax), and is ` +
      "purged as soon as a newer snapshot is written"
    );
  }

  /** Looks whether something can, or must, be given up. To be called now and then. */
  check(): void {
    if (this.#closed || this.#running !== undefined) return;
    const atBound = this.#atBound;
    if (this.#backOff.over) this.#purge(atBound);
    // Not full as long as nothing better can come: refusing everything for ever helps nobody.
    this.#setFull(atBound && (this.#running !== undefined || this.#snapshotWins));
    if (atBound && this.#snapshotWins) this.#setup.makeSnapshot();
  }

  /** Resolves when the log is not touched any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  get #atBound(): boolean {
    return this.#setup.log.bytes >= this.#setup.options.logBytesMax;
  }

  /** Whether a snapshot of now would cover more than the newest one. */
  get #snapshotWins(): boolean {
    const { node, snapshots } = this.#setup;
    return node.status().appliedIndex > (snapshots.newest?.lastIncluded.index ?? 0);
  }

  #purge(atBound: boolean): void {
    const { log, options, counters, hold } = this.#setup;
    const covered = this.#covered();
    const held = Math.min(covered, hold() ?? covered) as LogIndex;
    const base = log.purgePoint(held, options.logTailBytes);
    const least = atBound ? log.purgePoint(covered, 0) : base;
    if (least === undefined) return;
    if (least.index !== base?.index) counters.logTailsDropped += 1;
    if (least.index > held) counters.transferHoldsDropped += 1;
    this.#give(least);
  }

  /**
   * What a durable snapshot covers. A received one may be ahead of the state that is still to be
   * replaced, and a label ahead of an own disk that is slower than those of the others.
   */
  #covered(): LogIndex {
    const { node, snapshots } = this.#setup;
    const { appliedIndex, durableIndex } = node.status();
    const newest = snapshots.newest?.lastIncluded.index ?? 0;
    return Math.min(newest, appliedIndex, durableIndex) as LogIndex;
  }

  #give(base: LogId): void {
    const { post, log, counters, logger } = this.#setup;
    // The core first: it must not ask for entries that leave the disk.
    post({ kind: "compact", base });
    this.#running = log
      .purge(base)
      .then(() => {
        this.#backOff.succeeded();
        counters.logPurges += 1;
        logger.info(`log purged up to entry ${base.index}, ${log.bytes} bytes are left`);
      })
      .catch((error: unknown) => {
        // What stays on the disk too long does no harm; the next start finds it again.
        this.#backOff.failed();
        counters.logPurgeFailures += 1;
        logger.error(`log could not be purged up to entry ${base.index}`, { error });
      })
      .finally(() => {
        this.#running = undefined;
        this.check();
      });
  }

  #setFull(full: boolean): void {
    if (full === this.#full) return;
    const { logger } = this.#setup;
    if (full) logger.warn(`${this.#describe()}: writes are refused until it is purged`);
    else logger.info(`${this.#describe()}: writes are accepted`);
    this.#full = full;
  }

  #describe(): string {
    const { log, options } = this.#setup;
    return `the log holds ${log.bytes} bytes (logBytesMax ${options.logBytesMax})`;
  }
}
