import {
  type BatchId,
  type Entry,
  LOG_ORIGIN,
  type LogId,
  type LogWrite,
  type RecoveredLog,
} from "@d-engine/core";
import { type MirrorEntry, MirrorLog, mirrorEntry } from "./mirror-log.js";

/** What a node found when it opened its log, and the snapshot that it found beside it. */
export interface Reopened extends Pick<RecoveredLog, "hardState" | "base"> {
  /** All that is retained, right behind `base`. */
  readonly entries: readonly Entry[];
  readonly snapshot: LogId | undefined;
}

/**
 * What one data directory of a node was given and what of it is durable, as its log store was told
 * and answered. Outlives the node's processes: it is what the disk must hold.
 */
export class NodeMirror {
  readonly nodeId: number;
  readonly written = new MirrorLog();
  readonly durable = new MirrorLog();
  /** Writes that are not durable yet, oldest first. */
  readonly pending: LogWrite[] = [];
  /** The newest snapshot that is durable: opening the log lays it over what is there (rule R9). */
  #snapshot: LogId | undefined;
  /** How far the log was ever told to forget its beginning. */
  #purgedTo = LOG_ORIGIN.index as number;
  readonly #replaced = new Set<string>();

  constructor(nodeId: number) {
    this.nodeId = nodeId;
  }

  write(write: LogWrite): void {
    this.written.take(write);
    this.pending.push(write);
  }

  persisted(batch: BatchId): void {
    while (this.pending[0] !== undefined && this.pending[0].batch <= batch) {
      const write = this.pending.shift()!;
      this.#noteReplaced(write);
      this.durable.take(write);
    }
  }

  /** A snapshot is durable under its name. */
  saved(label: LogId): void {
    if (label.index > (this.#snapshot?.index ?? 0)) this.#snapshot = label;
  }

  /** Whether the entry would be there after a crash, in the log or in a snapshot. */
  survives(index: number, term: number): boolean {
    const { durable } = this;
    const label = this.#snapshot;
    if (label === undefined || index > label.index) return durable.holds(index, term);
    return durable.holds(index, term) || index < label.index || label.term === term;
  }

  /** The log was told to give up what is at or below this. */
  purged(upTo: LogId): void {
    this.#purgedTo = Math.max(this.#purgedTo, upTo.index);
  }

  /** Whether the entry was durable once and has been replaced since. */
  wasDurable(index: number, term: number): boolean {
    return this.#replaced.has(`${index}/${term}`);
  }

  #noteReplaced({ entries, reset }: LogWrite): void {
    const first =
      reset === undefined
        ? (entries[0]?.index ?? Number.POSITIVE_INFINITY)
        : this.durable.base.index;
    for (let index = first; index <= this.durable.lastIndex; index += 1) {
      this.#replaced.add(`${index}/${this.durable.termAt(index)}`);
    }
  }

  /**
   * The node opened its log again. It must hold what was durable, and may hold, in order, more of
   * what was pending: whole writes, and of the next one its hard state, its reset and some first
   * entries, as a write that exceeds a batch is divided; over any of these the snapshot is laid.
   * What was to be purged may be there or not. Says what is wrong, if anything.
   */
  reopen(found: Reopened): string | undefined {
    const log = new MirrorLog();
    log.base = found.base;
    log.hardState = found.hardState;
    for (const entry of found.entries) log.entries.push(mirrorEntry(entry));
    const expected = new MirrorLog();
    expected.copyFrom(this.durable);
    const mismatch = this.#differs(log, expected, found.snapshot);
    const explained = mismatch === undefined || this.#continues(expected, log, found.snapshot);
    this.pending.length = 0;
    this.durable.copyFrom(log);
    this.written.copyFrom(log);
    return explained ? undefined : mismatch;
  }

  /** Whether some beginning of what is pending makes `log` what was `found`. Changes `log`. */
  #continues(log: MirrorLog, found: MirrorLog, snapshot: LogId | undefined): boolean {
    for (const { hardState, reset, entries } of this.pending) {
      log.take({ hardState, reset, entries: [] });
      if (this.#differs(found, log, snapshot) === undefined) return true;
      for (const entry of entries) {
        log.take({ hardState: undefined, entries: [entry] });
        if (this.#differs(found, log, snapshot) === undefined) return true;
      }
    }
    return false;
  }

  #differs(found: MirrorLog, before: MirrorLog, snapshot: LogId | undefined): string | undefined {
    const expected = new MirrorLog();
    expected.copyFrom(before);
    expected.lay(snapshot);
    const a = found.hardState;
    const b = expected.hardState;
    if (a?.term !== b?.term || a?.votedFor !== b?.votedFor) {
      return `found hard state ${JSON.stringify(a)}, durable was ${JSON.stringify(b)}`;
    }
    const { index, term } = found.base;
    if (index > Math.max(this.#purgedTo, expected.base.index) || index < expected.base.index) {
      return `found a log behind ${index}, it was behind ${expected.base.index} and purged to ${this.#purgedTo}`;
    }
    if (expected.termAt(index) !== term) {
      return `found a log behind term ${term} at ${index}, it was ${expected.termAt(index)}`;
    }
    const last = Math.max(found.lastIndex, expected.lastIndex);
    for (let at = index + 1; at <= last; at += 1) {
      const left = found.at(at);
      const right = expected.at(at);
      if (left?.term === right?.term && left?.hash === right?.hash) continue;
      return `found ${describe(left)} at index ${at}, durable was ${describe(right)}`;
    }
    return undefined;
  }
}

function describe(entry: MirrorEntry | undefined): string {
  return entry === undefined ? "nothing" : `an entry of term ${entry.term} (hash ${entry.hash})`;
}
