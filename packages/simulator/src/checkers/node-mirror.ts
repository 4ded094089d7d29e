import {
  type BatchId,
  type Entry,
  type HardState,
  LOG_ORIGIN,
  type LogIndex,
  type LogWrite,
  type Term,
} from "@d-engine/core";

/** An entry as checkers know it: where, which term, and a hash of what it carries. */
export interface MirrorEntry {
  readonly term: Term;
  readonly hash: number;
}

/** The log of one node, written or durable. */
export class MirrorLog {
  readonly entries: MirrorEntry[] = [];
  hardState: HardState | undefined;

  get lastIndex(): LogIndex {
    return this.entries.length as LogIndex;
  }

  at(index: number): MirrorEntry | undefined {
    return this.entries[index - 1];
  }

  termAt(index: number): Term | undefined {
    return index === 0 ? LOG_ORIGIN.term : this.at(index)?.term;
  }

  take(write: LogWrite): void {
    const first = write.entries[0];
    if (first !== undefined) this.entries.length = first.index - 1;
    for (const entry of write.entries) this.entries.push(mirrorEntry(entry));
    this.hardState = write.hardState ?? this.hardState;
  }

  copyFrom(other: MirrorLog): void {
    this.entries.length = 0;
    for (const entry of other.entries) this.entries.push(entry);
    this.hardState = other.hardState;
  }
}

/**
 * What one node has written and what of it is durable, as its log store was told and answered.
 * Outlives the node's processes: it is what the disk must hold.
 */
export class NodeMirror {
  readonly nodeId: number;
  readonly written = new MirrorLog();
  readonly durable = new MirrorLog();
  /** Writes that are not durable yet, oldest first. */
  readonly pending: LogWrite[] = [];
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

  /** Whether the entry was durable once and has been replaced since. */
  wasDurable(index: number, term: number): boolean {
    return this.#replaced.has(`${index}/${term}`);
  }

  #noteReplaced({ entries }: LogWrite): void {
    const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
    for (let index = first; index <= this.durable.lastIndex; index += 1) {
      this.#replaced.add(`${index}/${this.durable.termAt(index)}`);
    }
  }

  /**
   * The node opened its log again. It must hold what was durable, and may hold, in order, more of
   * what was pending: whole writes, and of the next one its hard state and some first entries, as
   * a write that exceeds a batch is divided. Says what is wrong, if anything.
   */
  reopen(hardState: HardState | undefined, entries: readonly Entry[]): string | undefined {
    const found = new MirrorLog();
    for (const entry of entries) found.entries.push(mirrorEntry(entry));
    found.hardState = hardState;
    const expected = new MirrorLog();
    expected.copyFrom(this.durable);
    const mismatch = difference(found, expected);
    const explained = mismatch === undefined || this.#continues(expected, found);
    this.pending.length = 0;
    this.durable.copyFrom(found);
    this.written.copyFrom(found);
    return explained ? undefined : mismatch;
  }

  /** Whether some beginning of what is pending makes `log` what was `found`. Changes `log`. */
  #continues(log: MirrorLog, found: MirrorLog): boolean {
    for (const { batch, commitIndex, hardState, entries } of this.pending) {
      log.take({ batch, commitIndex, hardState, entries: [] });
      if (difference(found, log) === undefined) return true;
      for (const entry of entries) {
        log.take({ batch, commitIndex, hardState: undefined, entries: [entry] });
        if (difference(found, log) === undefined) return true;
      }
    }
    return false;
  }
}

function difference(found: MirrorLog, expected: MirrorLog): string | undefined {
  const a = found.hardState;
  const b = expected.hardState;
  if (a?.term !== b?.term || a?.votedFor !== b?.votedFor) {
    return `found hard state ${JSON.stringify(a)}, durable was ${JSON.stringify(b)}`;
  }
  const length = Math.max(found.lastIndex, expected.lastIndex);
  for (let index = 1; index <= length; index += 1) {
    const left = found.at(index);
    const right = expected.at(index);
    if (left?.term === right?.term && left?.hash === right?.hash) continue;
    return `found ${describe(left)} at index ${index}, durable was ${describe(right)}`;
  }
  return undefined;
}

function describe(entry: MirrorEntry | undefined): string {
  return entry === undefined ? "nothing" : `an entry of term ${entry.term} (hash ${entry.hash})`;
}

function mirrorEntry(entry: Entry): MirrorEntry {
  return { term: entry.term, hash: payloadHash(entry) };
}

/** 1 for a noop, 2 for a configuration, otherwise a hash of the command above those. */
export function payloadHash({ payload }: Entry): number {
  if (payload.kind === "noop") return 1;
  if (payload.kind === "config") return 2;
  return hashBytes(payload.command);
}

export function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < bytes.length; i += 1) hash = Math.imul(hash ^ bytes[i]!, 0x0100_0193);
  return (hash >>> 0) + 3;
}
