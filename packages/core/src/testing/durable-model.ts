import type { Effects, HardState } from "../effects.js";
import type { Entry } from "../entry.js";
import type { BatchId, LogId, LogIndex, NodeId, Term } from "../ids.js";
import { invariant } from "../invariant.js";

/** What a node found when it started. */
export interface RecoveredState {
  readonly hardState: HardState | undefined;
  readonly base: LogId;
  /** Every retained entry, from `base.index + 1` on. */
  readonly entries: readonly Entry[];
  /** The newest durable snapshot, which is laid over the log already (rule R9). */
  readonly snapshot?: LogId | undefined;
}

interface PendingBatch {
  readonly batch: BatchId;
  readonly hardState: HardState | undefined;
  readonly reset: LogId | undefined;
  readonly append: readonly Entry[];
}

/**
 * What the disk of one node must hold, derived from the node's effects and the acknowledged
 * batches alone. Knows besides what was ever durable, because a message may leave that rests on
 * an entry which a later batch, durable by now, has replaced. A durable snapshot counts with the
 * log as if it were laid over it: that is what a start would find (rule R9).
 */
export class DurableModel {
  hardState: HardState | undefined;
  #base: LogId | undefined;
  #terms: Term[] = [];
  #snapshot: LogId | undefined;
  #pending: PendingBatch[] = [];
  readonly #everHeld = new Map<LogIndex, Set<Term>>();
  readonly #votes = new Map<Term, NodeId>();

  /** The label of the newest durable snapshot. */
  get snapshot(): LogId | undefined {
    return this.#snapshot;
  }

  /** The term that a start would find at `index`; `undefined` when it is compacted or not there. */
  termAt(index: LogIndex): Term | undefined {
    const label = this.#snapshot;
    if (label === undefined || this.#inLog(label.index) === label.term) return this.#inLog(index);
    return index === label.index ? label.term : undefined;
  }

  /** Whether this position was durable at any time; what a base or a snapshot covers, it was. */
  everHeld({ term, index }: LogId): boolean {
    if (index <= Math.max(this.#base!.index, this.#snapshot?.index ?? 0)) return true;
    return this.#everHeld.get(index)?.has(term) === true;
  }

  /** For whom a durable vote was ever given in `term`. */
  voteIn(term: Term): NodeId | undefined {
    return this.#votes.get(term);
  }

  wrote(effects: Effects): void {
    const { batch, hardState, append, resetLog: reset } = effects;
    if (hardState === undefined && append.length === 0 && reset === undefined) return;
    const newest = this.#pending.at(-1)?.batch ?? 0;
    invariant(batch > newest, () => `batch ${batch} written after ${newest}`);
    this.#pending.push({ batch, hardState, reset, append });
  }

  /** A snapshot, own or received, is durable under its name. */
  snapshotSaved(label: LogId): void {
    if (label.index > (this.#snapshot?.index ?? 0)) this.#snapshot = label;
  }

  synced(batch: BatchId): void {
    while (this.#pending.length > 0 && this.#pending[0]!.batch <= batch) this.#completeNext();
  }

  /**
   * Takes over what a start has found. A crash may keep batches that were never acknowledged, but
   * only a prefix of them, and never loses one that was (I6, I7).
   */
  recovered(id: NodeId, found: RecoveredState): void {
    if (this.#base === undefined) {
      this.#adopt(found);
      return;
    }
    while (!this.#holdsExactly(found)) {
      invariant(
        this.#pending.length > 0,
        () =>
          `I7: node ${id} starts with term ${found.hardState?.term}, vote ` +
          `${found.hardState?.votedFor} and ${found.entries.length} entries behind ` +
          `${found.base.index}, which is not what its disk was given`,
      );
      this.#completeNext();
    }
    this.#pending = [];
    this.#begin(found.base, found.entries);
  }

  #adopt(found: RecoveredState): void {
    this.#snapshot = found.snapshot;
    this.#save(found.hardState);
    this.#begin(found.base, found.entries);
  }

  #completeNext(): void {
    const { hardState, reset, append } = this.#pending.shift()!;
    this.#save(hardState);
    if (reset !== undefined) this.#begin(reset, []);
    this.#append(append);
  }

  #begin(base: LogId, entries: readonly Entry[]): void {
    this.#base = base;
    this.#terms = [];
    this.#append(entries);
  }

  #inLog(index: LogIndex): Term | undefined {
    if (this.#base === undefined) return undefined;
    if (index === this.#base.index) return this.#base.term;
    return this.#terms[index - this.#base.index - 1];
  }

  #save(hardState: HardState | undefined): void {
    if (hardState === undefined) return;
    this.hardState = hardState;
    if (hardState.votedFor !== undefined) this.#votes.set(hardState.term, hardState.votedFor);
  }

  #append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const at = first.index - this.#base!.index - 1;
    invariant(at >= 0 && at <= this.#terms.length, () => `a gap before durable ${first.index}`);
    this.#terms.length = at;
    for (const { term, index } of entries) {
      this.#terms.push(term);
      const terms = this.#everHeld.get(index);
      if (terms === undefined) this.#everHeld.set(index, new Set([term]));
      else terms.add(term);
    }
  }

  #holdsExactly({ hardState, base, entries, snapshot }: RecoveredState): boolean {
    if (this.hardState?.term !== hardState?.term) return false;
    if (this.hardState?.votedFor !== hardState?.votedFor) return false;
    if (this.hardState?.minElectionTimeoutMs !== hardState?.minElectionTimeoutMs) return false;
    if ((snapshot?.index ?? 0) < (this.#snapshot?.index ?? 0)) return false;
    // What a snapshot covers may have left the log at any time.
    const modelled = this.#lastIndex();
    if (base.index < this.#base!.index || base.index + entries.length !== modelled) return false;
    return [base, ...entries].every(({ term, index }) => this.termAt(index) === term);
  }

  /** Of the log with the snapshot over it. */
  #lastIndex(): number {
    const label = this.#snapshot;
    if (label !== undefined && this.#inLog(label.index) !== label.term) return label.index;
    return this.#base!.index + this.#terms.length;
  }
}
