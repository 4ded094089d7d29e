import {
  type Entry,
  type HardState,
  LOG_ORIGIN,
  type LogId,
  type LogIndex,
  type LogWrite,
  type Term,
} from "@d-engine/core";

/** An entry as checkers know it: where, which term, and a hash of what it carries. */
export interface MirrorEntry {
  readonly term: Term;
  readonly hash: number;
}

/** The log of one node, written or durable. Purging forgets nothing of it, a reset does. */
export class MirrorLog {
  readonly entries: MirrorEntry[] = [];
  hardState: HardState | undefined;
  /** The position before the first entry: (0, 0), or the label of a snapshot. */
  base: LogId = LOG_ORIGIN;

  get lastIndex(): LogIndex {
    return (this.base.index + this.entries.length) as LogIndex;
  }

  at(index: number): MirrorEntry | undefined {
    return this.entries[index - this.base.index - 1];
  }

  termAt(index: number): Term | undefined {
    return index === this.base.index ? this.base.term : this.at(index)?.term;
  }

  /** Whether a snapshot stands for the entry, whatever its term is. */
  covers(index: number): boolean {
    return index < this.base.index;
  }

  /** Whether the entry of this term is here, by itself or inside a snapshot. */
  holds(index: number, term: number): boolean {
    return this.covers(index) || this.termAt(index) === term;
  }

  take({ hardState, reset, entries }: Pick<LogWrite, "hardState" | "reset" | "entries">): void {
    if (reset !== undefined) this.restart(reset);
    const first = entries[0];
    if (first !== undefined) this.entries.length = first.index - this.base.index - 1;
    for (const entry of entries) this.entries.push(mirrorEntry(entry));
    this.hardState = hardState ?? this.hardState;
  }

  /** Goes on right behind a snapshot, without what was there before (rule R9). */
  restart(label: LogId): void {
    this.entries.length = 0;
    this.base = label;
  }

  /** Lays a snapshot over what a log holds, as opening it does (rule R9). */
  lay(label: LogId | undefined): void {
    if (label === undefined || this.holds(label.index, label.term)) return;
    this.restart(label);
    const { hardState } = this;
    if ((hardState?.term ?? 0) >= label.term) return;
    const minElectionTimeoutMs = hardState?.minElectionTimeoutMs ?? 0;
    this.hardState = { term: label.term, votedFor: undefined, minElectionTimeoutMs };
  }

  copyFrom(other: MirrorLog): void {
    this.entries.length = 0;
    for (const entry of other.entries) this.entries.push(entry);
    this.hardState = other.hardState;
    this.base = other.base;
  }
}

export function mirrorEntry(entry: Entry): MirrorEntry {
  return { term: entry.term, hash: payloadHash(entry) };
}

/** 1 for a noop, otherwise a hash of the command, or of the change, above that. */
export function payloadHash({ payload }: Entry): number {
  if (payload.kind === "noop") return 1;
  if (payload.kind === "command") return hashBytes(payload.command);
  // Named, so that the order in which a decoder sets the fields does not matter.
  return hashBytes(new TextEncoder().encode(JSON.stringify(payload.change, changeFields)));
}

const changeFields = ["kind", "nodeId", "nodeIds", "address", "status"];

export function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < bytes.length; i += 1) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193);
  return (hash >>> 0) + 3;
}
