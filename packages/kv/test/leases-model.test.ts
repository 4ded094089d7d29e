import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXPIRE_KEYS_MAX, EXPIRE_LEASES_MAX } from "../src/leases/bounds.js";
import type { LeaseView } from "../src/leases/lease-table.js";
import { LeaseStoreTwin } from "./lease-store.js";

/** A lease as the slow twin knows it: a row of an array. */
interface Row {
  readonly id: number;
  readonly ttlMs: number;
  readonly deadlineMs: number;
  readonly session: boolean;
  readonly own: boolean;
}

type Step =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "grant"; readonly id: number; readonly ttlMs: number; session: boolean }
  | { readonly kind: "keepAlive" | "revoke"; readonly id: number }
  | { readonly kind: "put"; readonly key: string; readonly lease: number }
  | { readonly kind: "putWithTtl"; readonly key: string; readonly ttlMs: number }
  | { readonly kind: "delete"; readonly key: string }
  | { readonly kind: "propose" | "expire" | "look" };

const ids = fc.integer({ min: 1, max: 6 });
const keys = fc.constantFrom("a", "b", "c", "\xff", "b\0");
const times = fc.integer({ min: 1, max: 40 });
const steps: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant("time"), ms: times }), weight: 2 },
  fc.record({ kind: fc.constant("grant"), id: ids, ttlMs: times, session: fc.boolean() }),
  fc.record({ kind: fc.constantFrom("keepAlive", "revoke"), id: ids }),
  {
    arbitrary: fc.record({
      kind: fc.constant("put"),
      key: keys,
      lease: fc.oneof(fc.constant(0), ids),
    }),
    weight: 3,
  },
  fc.record({ kind: fc.constant("putWithTtl"), key: keys, ttlMs: times }),
  fc.record({ kind: fc.constant("delete"), key: keys }),
  fc.record({ kind: fc.constantFrom("propose", "expire", "look") }),
);

/** Everything again, by filtering arrays. */
class SlowTwin {
  nowMs = 0;
  rows: Row[] = [];
  bound: { key: string; lease: number }[] = [];
  #owned = 0;

  step(step: Step): void {
    switch (step.kind) {
      case "time":
        this.nowMs += step.ms;
        return;
      case "grant":
        if (this.find(step.id) === undefined) this.#grant(step.id, step.ttlMs, step.session);
        return;
      case "keepAlive":
        this.rows = this.rows.map((row) =>
          row.id === step.id ? { ...row, deadlineMs: this.nowMs + row.ttlMs } : row,
        );
        return;
      case "revoke":
        this.end([step.id]);
        return;
      case "delete":
        this.#unbind(step.key);
        return;
      case "put":
        if (step.lease !== 0 && this.find(step.lease) === undefined) return;
        this.#unbind(step.key);
        this.bound.push({ key: step.key, lease: step.lease });
        return;
      case "putWithTtl": {
        this.#unbind(step.key);
        const lease = 2 ** 52 + this.#owned++;
        this.#grant(lease, step.ttlMs, false);
        this.bound.push({ key: step.key, lease });
        return;
      }
    }
  }

  find(id: number): Row | undefined {
    return this.rows.find((row) => row.id === id);
  }

  due(): { id: number; deadlineMs: number }[] {
    return this.rows
      .filter((row) => row.deadlineMs <= this.nowMs)
      .sort((a, b) => a.deadlineMs - b.deadlineMs || a.id - b.id)
      .map(({ id, deadlineMs }) => ({ id, deadlineMs }));
  }

  end(ended: readonly number[]): void {
    this.rows = this.rows.filter(({ id }) => !ended.includes(id));
    this.bound = this.bound.filter(({ lease }) => !ended.includes(lease));
  }

  #grant(id: number, ttlMs: number, session: boolean): void {
    const own = id >= 2 ** 52;
    this.rows.push({ id, ttlMs, deadlineMs: this.nowMs + ttlMs, session, own });
  }

  #unbind(key: string): void {
    const old = this.bound.find((entry) => entry.key === key);
    this.bound = this.bound.filter((entry) => entry.key !== key);
    if (old !== undefined && old.lease >= 2 ** 52) this.end([old.lease]);
  }
}

function apply(store: LeaseStoreTwin, step: Step): void {
  switch (step.kind) {
    case "time":
      store.at(store.leases.nowMs + step.ms);
      return;
    case "grant":
      store.grant(step.ttlMs, step);
      return;
    case "keepAlive":
    case "revoke":
      store[step.kind](step.id);
      return;
    case "delete":
      if (store.bound.has(step.key)) store.removeKeys([step.key]);
      return;
    case "put":
      if (step.lease !== 0 && store.leases.attachRefusal(step.lease, [step.key])) return;
      store.put(step.key, step.lease);
      return;
    case "putWithTtl":
      store.putWithTtl(step.key, step.ttlMs);
      return;
  }
}

const byId = (a: Row, b: Row): number => a.id - b.id;

function expectSame(store: LeaseStoreTwin, twin: SlowTwin): void {
  const rows = [...twin.rows].sort(byId);
  expect([...store.leases.view().leases()]).toEqual(rows);
  const listed = rows.filter(({ own }) => !own).map(({ id }) => id);
  expect([...store.leases.grantedIds()]).toEqual(listed);
  expect(store.leases.grantedCount).toBe(listed.length);
  const sessions = rows.filter(({ session }) => session).map(({ id }) => id);
  expect([...store.sessions.view().sessions()].map(({ id }) => id)).toEqual(sessions);
  expect(new Map(store.bound)).toEqual(new Map(twin.bound.map((e) => [e.key, e.lease])));
  for (const { id } of rows) {
    const bound = twin.bound.filter(({ lease }) => lease === id).map(({ key }) => key);
    expect(store.leases.keysOf(id)).toEqual(bound.sort());
  }
  const deadlines = rows.map(({ deadlineMs }) => deadlineMs);
  expect(store.leases.nextDeadlineMs ?? Infinity).toBe(Math.min(...deadlines));
}

describe("leases and their slow twin (T1, T4, T5, rules R15 and R16)", () => {
  it("agree after every step, with expiries proposed long before they are applied", () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 120, size: "max" }), (sequence) => {
        const store = new LeaseStoreTwin();
        const twin = new SlowTwin();
        let proposed: { id: number; deadlineMs: number }[] = [];
        const views: { view: LeaseView; rows: Row[] }[] = [];
        for (const step of sequence) {
          if (step.kind === "propose") {
            proposed = twin.due();
            const command = store.leases.expiredAt(store.leases.nowMs);
            expect(command?.leases ?? []).toEqual(proposed);
          } else if (step.kind === "expire") {
            store.expire(...proposed);
            const due = twin.due();
            const same = (a: { id: number; deadlineMs: number }) =>
              due.some((b) => a.id === b.id && a.deadlineMs === b.deadlineMs);
            twin.end(proposed.filter(same).map(({ id }) => id));
          } else if (step.kind === "look") {
            views.push({ view: store.leases.view(), rows: [...twin.rows].sort(byId) });
          } else {
            apply(store, step);
            twin.step(step);
          }
          expectSame(store, twin);
        }
        for (const { view, rows } of views) expect([...view.leases()]).toEqual(rows);
      }),
      { numRuns: 150 },
    );
  });

  it("keep many leases and views of them apart, however the tree splits and joins (R16)", () => {
    const store = new LeaseStoreTwin();
    const twin = new Map<number, Row>();
    const views: { view: LeaseView; rows: Row[] }[] = [];
    let random = 42;
    for (let step = 1; step <= 20_000; step++) {
      random = (random * 48_271) % 0x7fff_ffff;
      const id = 1 + (random % 3_000);
      store.at(step);
      if (random % 5 === 0) {
        store.revoke(id);
        twin.delete(id);
      } else {
        const old = store.leases.get(id);
        if (old === undefined) store.grant(step % 977, { id });
        else store.keepAlive(id);
        twin.set(id, store.leases.get(id)!);
      }
      if (step % 2_000 === 0) {
        views.push({ view: store.leases.view(), rows: [...twin.values()].sort(byId) });
      }
    }
    for (const { view, rows } of views) expect([...view.leases()]).toEqual(rows);
  });

  it("end 10,000 leases of one moment in commands within the bounds (R15, scenario 70)", () => {
    const store = new LeaseStoreTwin();
    for (let id = 1; id <= 10_000; id++) {
      store.grant(1_000, { id });
      for (let i = 0; i < id % 12; i++) store.put(`${id}/${i}`, id);
    }
    const keysBefore = store.bound.size;
    store.at(1_000);
    let commands = 0;
    for (let before = store.leases.size; before > 0; before = store.leases.size) {
      expect(store.expireDue()?.existed).toBe(true);
      expect(before - store.leases.size).toBeLessThanOrEqual(EXPIRE_LEASES_MAX);
      commands++;
    }
    const removed = store.removals.flat();
    expect(new Set(removed).size).toBe(removed.length);
    expect([removed.length, store.bound.size]).toEqual([keysBefore, 0]);
    for (const keysOfOne of store.removals) {
      expect(keysOfOne.length).toBeLessThanOrEqual(EXPIRE_KEYS_MAX);
    }
    expect(commands).toBeLessThanOrEqual(Math.ceil(keysBefore / (EXPIRE_KEYS_MAX - 12)) + 1);
  });
});
