import { describe, expect, it } from "vitest";
import { LeaseStoreTwin } from "../../test/lease-store.js";
import { OWN_LEASE_IDS_FROM } from "./lease.js";
import { applyTime } from "./time.js";

const second = 1_000;

describe("applyLeaseGrant", () => {
  it("grants from the time of the machine on, without a revision", () => {
    const store = new LeaseStoreTwin().at(500);
    expect(store.grant(second, { id: 7 })).toEqual({
      succeeded: true,
      revision: 0,
      existed: false,
      detail: { kind: "lease", id: 7, ttlMs: second },
    });
    const lease = { id: 7, ttlMs: second, deadlineMs: 1_500, session: false, own: false };
    expect(store.leases.get(7)).toEqual(lease);
  });

  it("chooses the index of the entry, or the next id that is free", () => {
    const store = new LeaseStoreTwin();
    for (const id of [2, 3]) store.grant(second, { id });
    store.index = 0;
    const chosen = [1, 2, 3].map(() => store.grant(second).detail);
    expect(chosen.map((detail) => detail?.kind === "lease" && detail.id)).toEqual([1, 4, 5]);
  });

  it("refuses an id that is taken, and leaves the lease as it is", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7 });
    const before = store.leases.get(7);
    expect(store.at(100).grant(5, { id: 7, session: true })).toMatchObject({
      succeeded: false,
      refusal: { code: "LEASE_EXISTS", message: expect.stringContaining("lease 7") },
    });
    expect(store.leases.get(7)).toBe(before);
    expect(store.sessions.size).toBe(0);
  });

  it("begins a session only where one is asked for (rule R17)", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 1 });
    store.grant(second, { id: 2, session: true });
    expect([store.sessions.get(1), store.sessions.get(2)?.id]).toEqual([undefined, 2]);
  });
});

describe("applyLeaseKeepAlive", () => {
  it("gives the lease its whole time anew, from the time of the machine", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7, session: true });
    const before = store.leases.get(7);
    expect(store.at(300).keepAlive(7)).toMatchObject({
      succeeded: true,
      existed: true,
      detail: { kind: "lease", id: 7, ttlMs: second },
    });
    expect(store.leases.get(7)).toEqual({ ...before, deadlineMs: 1_300 });
    expect(before?.deadlineMs).toBe(second);
  });

  it.each([
    { name: "was never granted", id: 8 },
    { name: "belongs to a put", id: OWN_LEASE_IDS_FROM },
  ])("knows no lease that $name", ({ id }) => {
    const store = new LeaseStoreTwin();
    store.putWithTtl("k", second);
    const before = store.leases.get(id);
    const refusal = { code: "LEASE_NOT_FOUND", message: expect.stringContaining(`lease ${id}`) };
    expect(store.at(5).keepAlive(id)).toMatchObject({ succeeded: false, refusal });
    expect(store.revoke(id)).toMatchObject({ succeeded: false, refusal });
    expect(store.leases.get(id)).toBe(before);
  });

  it("renews a lease past its deadline that nothing has ended; it outlives the expiry (65)", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7 });
    store.put("k", 7);
    const proposed = store.leases.expiredAt(second);
    expect(store.at(second).keepAlive(7).succeeded).toBe(true);
    expect(store.at(5 * second).expire(...proposed!.leases).existed).toBe(false);
    expect([...store.bound]).toEqual([["k", 7]]);
  });

  it("cannot bring back a lease that an expiry before it in the log has ended (65, T5)", () => {
    const store = new LeaseStoreTwin().at(0);
    store.grant(second, { id: 7 });
    store.put("k", 7);
    store.at(second).expireDue();
    expect(store.keepAlive(7).refusal?.code).toBe("LEASE_NOT_FOUND");
    expect([store.bound.size, store.leases.size]).toEqual([0, 0]);
  });
});

describe("applyLeaseRevoke", () => {
  it("ends the lease, its session and its keys, in byte order, by one revision (T4)", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7, session: true });
    for (const key of ["b", "\xff", "a"]) store.put(key, 7);
    store.put("free");
    expect(store.revoke(7)).toEqual({
      succeeded: true,
      revision: 5,
      existed: true,
      detail: { kind: "deleted", deleted: 3 },
    });
    expect(store.removals).toEqual([["a", "b", "\xff"]]);
    expect([...store.bound.keys()]).toEqual(["free"]);
    expect([store.leases.size, store.sessions.size]).toEqual([0, 0]);
  });

  it("takes no revision where there are no keys", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7 });
    expect(store.revoke(7)).toMatchObject({ succeeded: true, revision: 0 });
    expect(store.leases.size).toBe(0);
  });
});

describe("applyExpire", () => {
  it("is never early, whatever time the leader believed in (T1)", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7 });
    const proposed = { id: 7, deadlineMs: second };
    expect(store.at(second - 1).expire(proposed).existed).toBe(false);
    expect(store.leases.size).toBe(1);
    expect(store.at(second).expire(proposed).existed).toBe(true);
    expect(store.leases.size).toBe(0);
  });

  it("ends leases and own leases with one delete of each key, by one revision (T4)", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7, session: true });
    for (const key of ["z", "b"]) store.put(key, 7);
    store.putWithTtl("m", second - 1);
    const { revision } = store;
    const expected = { succeeded: true, revision: revision + 1, existed: true };
    expect(store.at(second).expireDue()).toEqual(expected);
    expect(store.removals).toEqual([["m", "b", "z"]]);
    expect([store.leases.size, store.sessions.size, store.bound.size]).toEqual([0, 0, 0]);
  });

  it("does nothing a second time, nor to a lease named twice", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7 });
    store.put("k", 7);
    const due = { id: 7, deadlineMs: second };
    expect(store.at(second).expire(due, due).existed).toBe(true);
    expect(store.expire(due)).toMatchObject({ existed: false, revision: 2 });
    expect(store.removals).toEqual([["k"]]);
  });

  it("leaves leases for the next command where keys were bound since it was proposed (R15)", () => {
    const store = new LeaseStoreTwin();
    for (const id of [1, 2]) {
      store.grant(second, { id });
      store.put(`first/${id}`, id);
    }
    const proposed = store.leases.expiredAt(second)!;
    for (const id of [1, 2]) {
      for (let i = 0; i < 600; i++) store.put(`k/${id}/${i}`, id);
    }
    store.at(second).expire(...proposed.leases);
    expect([store.removals[0]?.length, store.leases.get(2)?.id]).toEqual([601, 2]);
    store.expireDue();
    expect([store.removals[1]?.length, store.leases.size]).toEqual([601, 0]);
  });

  it.each([
    { name: "a plain put or a swap", over: (store: LeaseStoreTwin) => store.put("k") },
    {
      name: "a delete, and the key made anew",
      over: (store: LeaseStoreTwin) => {
        store.removeKeys(["k"]);
        store.put("k");
      },
    },
    { name: "a longer time", over: (store: LeaseStoreTwin) => store.putWithTtl("k", 9 * second) },
    {
      name: "a lease",
      over: (store: LeaseStoreTwin) => {
        store.grant(9 * second, { id: 7 });
        store.put("k", 7);
      },
    },
  ])("never hits the life that a key has after $name (66)", ({ over }) => {
    const store = new LeaseStoreTwin();
    const id = store.putWithTtl("k", second);
    over(store);
    expect(store.leases.get(id)).toBeUndefined();
    store.at(second).expire({ id, deadlineMs: second });
    store.expireDue();
    expect(store.bound.has("k")).toBe(true);
  });
});

describe("applyTime", () => {
  it("moves no deadline and takes no revision (64)", () => {
    const store = new LeaseStoreTwin();
    store.grant(second, { id: 7 });
    expect(applyTime(store.at(900))).toEqual({ succeeded: true, revision: 0, existed: false });
    expect(store.leases.get(7)?.deadlineMs).toBe(second);
    expect(store.at(10).leases.nowMs).toBe(900);
  });
});
