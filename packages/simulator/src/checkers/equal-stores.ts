import { type KvEvent, type KvRecord, recordValue, type WriteOutcome } from "@d-engine/kv";
import {
  describeResult,
  type TwinEvent,
  type TwinOutcome,
  type TwinRecord,
} from "../twin/twin-record.js";
import { TwinStore } from "../twin/twin-store.js";
import { toName } from "../workload/call.js";
import type { NodeMirror } from "./node-mirror.js";
import type { AppliedEntry, Checker } from "./witness.js";

/** What a replica of the key-value store did with one entry. */
export interface StoredCommand {
  readonly bytes: Uint8Array;
  readonly outcome: WriteOutcome;
  /** Of the revision that it made, if it made one. */
  readonly events: readonly KvEvent[];
}

/** What an entry must do, wherever it is applied. */
export interface JournalEntry {
  readonly index: number;
  /** True time at which the first replica applied it. */
  readonly atMs: number;
  readonly attempt: string | undefined;
  readonly bytes: Uint8Array;
  readonly outcome: TwinOutcome;
  readonly events: readonly TwinEvent[];
}

/**
 * T3, and more: every replica answers each command as the plain twin does, and with the same events,
 * so that leases end, sessions repeat and history is compacted at one place of the log. What the
 * twin did is the true sequence that clients are judged by.
 */
export class EqualStores implements Checker {
  readonly rule = "T3";
  readonly twin = new TwinStore();
  /** In the order of the log, without entries that are no commands. */
  readonly journal: JournalEntry[] = [];
  readonly #entries = new Map<number, JournalEntry>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  applied(_mirror: NodeMirror, { index, attempt, stored }: AppliedEntry): string | undefined {
    if (stored === undefined) return undefined;
    const entry = this.#entries.get(index) ?? this.#add(index, attempt, stored.bytes);
    return difference(entry, stored);
  }

  #add(index: number, attempt: string | undefined, bytes: Uint8Array): JournalEntry {
    const { twin } = this;
    const before = twin.events.length;
    const outcome = twin.apply(index, bytes);
    const events = twin.events.slice(before);
    const entry = { index, atMs: this.#nowMs(), attempt, bytes, outcome, events };
    this.#entries.set(index, entry);
    this.journal.push(entry);
    return entry;
  }
}

function difference(entry: JournalEntry, stored: StoredCommand): string | undefined {
  const { index, outcome, events } = entry;
  const { succeeded, revision, refusal, detail } = stored.outcome;
  const found: TwinOutcome = {
    succeeded,
    revision,
    refusal: refusal?.code,
    detail: describeResult(detail),
  };
  const expected = JSON.stringify(outcome, outcomeFields);
  const actual = JSON.stringify(found, outcomeFields);
  if (actual !== expected) return `answers entry ${index} with ${actual}, not with ${expected}`;
  if (stored.events.length !== events.length) {
    return `makes ${stored.events.length} events of entry ${index}, not ${events.length}`;
  }
  const at = events.findIndex((event, i) => !isEqual(event, stored.events[i]!));
  if (at < 0) return undefined;
  return `makes ${describe(stored.events[at]!)} of entry ${index}, not ${JSON.stringify(events[at])}`;
}

const outcomeFields = ["succeeded", "revision", "refusal", "detail"];

function isEqual(event: TwinEvent, found: KvEvent): boolean {
  return (
    event.revision === found.revision &&
    event.key === found.key &&
    isSame(event.record, found.record) &&
    isSame(event.previous, found.previous)
  );
}

function isSame(record: TwinRecord | undefined, found: KvRecord | undefined): boolean {
  if (record === undefined || found === undefined) return record === found;
  return (
    record.createRevision === found.createRevision &&
    record.modRevision === found.modRevision &&
    record.version === found.version &&
    record.lease === found.lease &&
    record.value === toName(recordValue(found))
  );
}

function describe({ revision, key, record }: KvEvent): string {
  const what = record === undefined ? "a delete" : `a put of ${toName(recordValue(record))}`;
  return `${what} of ${key} at revision ${revision}`;
}
