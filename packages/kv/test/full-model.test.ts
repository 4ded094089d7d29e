import type { KvPair, KvQueryResult, RangeQuery, RangeResult } from "@d-engine/codec";
import { isEngineError, type LogIndex } from "@d-engine/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type KvEvent,
  KvStateMachine,
  type KvView,
  visibleLease,
  type WriteOutcome,
} from "../src/index.js";
import { type KvRecord, recordValue } from "../src/record.js";
import { bytes, text } from "./commands.js";
import { encoded, type FullStep, spans, steps } from "./full-operations.js";
import { type FullOutcome, type FullRecord, FullTwin } from "./full-twin.js";

describe("KvStateMachine and its twin that keeps everything", () => {
  it("answer alike, remember alike, and go on alike after a restoration (I12, R15 to R17)", () => {
    const sequences = fc.array(steps, { maxLength: 120, size: "max" });
    fc.assert(
      fc.property(sequences, fc.array(spans, { minLength: 1, maxLength: 3 }), (all, some) => {
        const pair = new Pair();
        for (const step of all) pair.perform(step);
        pair.look();
        for (const span of some) pair.compareRanges(span);
        pair.compareViews();
      }),
      { numRuns: 400 },
    );
  });
});

/** A machine, its twin, and what is remembered of both on the way. */
class Pair {
  machine = listening(new KvStateMachine(), this);
  readonly twin = new FullTwin();
  readonly views: { view: KvView; revision: number; oldest: number; hash: string }[] = [];
  /** What the machine has told of the last command. */
  told: KvEvent[][] = [];

  perform(step: FullStep): void {
    switch (step.kind) {
      case "command": {
        const stampMs = this.machine.lastStampMs + step.passedMs;
        return this.apply(step, stampMs);
      }
      case "expire": {
        const nowMs = this.machine.lastStampMs + step.passedMs;
        const command = this.machine.expiredAt(nowMs);
        if (command !== undefined) this.apply({ command, mark: undefined }, nowMs);
        return;
      }
      case "compact": {
        const revision = Math.max(1, this.twin.revision - step.back);
        return this.apply({ command: { kind: "compact", revision }, mark: undefined }, undefined);
      }
      case "restore":
        return this.restore();
      case "view": {
        const { revision, oldest } = this.twin;
        const view = this.machine.view();
        this.views.push({ view, revision, oldest, hash: this.machine.stateHash() });
        return;
      }
      case "look":
        return this.look();
    }
  }

  apply(
    { command, mark }: Pick<Extract<FullStep, { kind: "command" }>, "command" | "mark">,
    stampMs: number | undefined,
  ): void {
    const { machine, twin } = this;
    const bytesOfCommand = encoded(command, stampMs, mark);
    try {
      machine.validate(bytesOfCommand);
    } catch (error) {
      // Of all that is generated, only a transaction can be wrong: by changing a key twice.
      if (!isEngineError(error, "INVALID_REQUEST") || !error.message.includes("twice")) throw error;
      return;
    }
    const index = machine.lastApplied + 1;
    const before = twin.revision;
    this.told = [];
    const outcome = machine.apply(index as LogIndex, bytesOfCommand);
    expect(seen(outcome)).toEqual(twin.run(index, command, stampMs, mark));
    expect([machine.revision, machine.lastStampMs]).toEqual([twin.revision, twin.nowMs]);
    const made = twin.events.filter(({ revision }) => revision > before);
    expect(this.told.map((events) => events.map(seenEvent))).toEqual(made.length > 0 ? [made] : []);
  }

  restore(): void {
    const restored = listening(new KvStateMachine(), this);
    const snapshot = this.machine.snapshot();
    const restoration = restored.restore();
    for (let next = snapshot.next(150); next.length > 0; next = snapshot.next(150)) {
      for (const record of next) restoration.add(record);
    }
    restoration.finish(snapshot.lastApplied);
    expect(restored.stateHash()).toBe(this.machine.stateHash());
    expect([restored.keys, restored.bytes]).toEqual([this.machine.keys, this.machine.bytes]);
    this.machine = restored;
  }

  look(): void {
    const { machine, twin } = this;
    expect([machine.oldestRevision, machine.leaseCount]).toEqual([twin.oldest, twin.leases.size]);
    this.compareRanges({ key: bytes(""), rangeEnd: bytes("") });
    const first = Math.max(1, twin.oldest);
    expect(machine.oldestEventRevision).toBe(first);
    const events: unknown[] = [];
    machine.events(first, undefined, (event) => events.push(seenEvent(event)) > 0);
    expect(events).toEqual(twin.events.filter(({ revision }) => revision >= first));
    for (const id of [1, 2, 3]) {
      const lease = twin.leases.get(`${id}`);
      expect(machine.query({ kind: "leaseTimeToLive", id, keys: true }, 1e6)).toEqual({
        kind: "lease",
        id,
        ttlMs: lease?.ttlMs ?? 0,
        remainingMs: Math.max(0, (lease?.deadlineMs ?? 0) - twin.nowMs),
        keys: twin.keysOf(`${id}`).map(bytes),
      });
    }
  }

  /** At every revision that can be read, both ways, whole and page by page. */
  compareRanges({ key, rangeEnd }: Pick<RangeQuery, "key" | "rangeEnd">): void {
    const { machine, twin } = this;
    if (key.length === 0 && rangeEnd === undefined) return;
    const to = rangeEnd === undefined ? undefined : text(rangeEnd);
    for (let revision = Math.max(1, twin.oldest); revision <= twin.revision; revision++) {
      const expected = twin.range(revision, text(key), to);
      for (const descending of [false, true]) {
        const query = { ...wholeRange, key, rangeEnd, revision, descending };
        const records = descending ? [...expected].reverse() : expected;
        const all = rangeOf(machine.query(query, 1e6));
        expect(all).toEqual({ count: records.length, more: false, revision, records });
        const cut = rangeOf(machine.query({ ...query, limit: 2 }, 1e6));
        expect(cut.records).toEqual(records.slice(0, 2));
        expect(cut.more).toBe(records.length > 2);
        const small = rangeOf(machine.query(query, 1));
        expect(small.records).toEqual(records.slice(0, 1));
        expect(small.count).toBe(records.length);
      }
    }
    if (twin.oldest > 1) {
      const query = { ...wholeRange, key, rangeEnd, revision: twin.oldest - 1 };
      expect(() => machine.query(query, 1e6)).toThrow(`the oldest that is kept is ${twin.oldest}`);
    }
    const future = { ...wholeRange, key, rangeEnd, revision: twin.revision + 1 };
    expect(() => machine.query(future, 1e6)).toThrow(`the present one is ${twin.revision}`);
  }

  /** What was frozen is what it was, whatever came, was compacted and swept since (R16). */
  compareViews(): void {
    for (const { view, revision, oldest, hash } of this.views) {
      expect(view.stateHash()).toBe(hash);
      const events: unknown[] = [];
      const from = Math.max(1, oldest);
      view.state.history.visit(from, revision + 1, (event) => events.push(seenEvent(event)) > 0);
      const { twin } = this;
      const within = twin.events.filter((event) => event.revision >= from);
      expect(events).toEqual(within.filter((event) => event.revision <= revision));
    }
  }
}

function listening(machine: KvStateMachine, pair: Pair): KvStateMachine {
  machine.onEvents = (events) => pair.told.push([...events]);
  return machine;
}

const wholeRange = {
  kind: "range",
  limit: 0,
  keysOnly: false,
  countOnly: false,
  descending: false,
} as const;

function rangeOf(result: KvQueryResult) {
  if (result.kind !== "range") throw new Error(`a range was answered by a ${result.kind}`);
  const { count, more, revision, entries } = result;
  return { count, more, revision, records: entries.map(seenPair) };
}

/** An outcome as the twin has it. */
function seen({ refusal, detail, ...outcome }: WriteOutcome): FullOutcome {
  return {
    ...outcome,
    ...(refusal !== undefined && { refused: refusal.code }),
    ...(detail !== undefined && { detail: seenDetail(detail) }),
  };
}

function seenDetail(detail: object): unknown {
  if ("entries" in detail) {
    const { revision, entries } = detail as RangeResult;
    return { kind: "range", revision, found: entries.map(seenPair) };
  }
  if (!("results" in detail)) return detail;
  return { ...detail, results: (detail.results as object[]).map(seenDetail) };
}

function seenPair({ key, value, ...numbers }: KvPair): FullRecord {
  return { key: text(key), value: text(value), ...numbers };
}

function seenEvent({ revision, key, record, previous }: KvEvent) {
  return { revision, key, record: seenRecord(key, record), previous: seenRecord(key, previous) };
}

function seenRecord(key: string, record: KvRecord | undefined): FullRecord | undefined {
  if (record === undefined) return undefined;
  const { createRevision, modRevision, version, lease } = record;
  const value = text(recordValue(record));
  return { key, value, createRevision, modRevision, version, lease: visibleLease(lease) };
}
