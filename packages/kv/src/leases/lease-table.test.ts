import { describe, expect, it } from "vitest";
import { EXPIRE_LEASES_MAX, LEASE_KEYS_MAX } from "./bounds.js";
import { type Lease, OWN_LEASE_IDS_FROM } from "./lease.js";
import { LeaseTable } from "./lease-table.js";

describe("LeaseTable", () => {
  it("hides own leases from clients, and counts them apart", () => {
    const table = new LeaseTable();
    table.grant(9, 10, false);
    table.grant(3, 10, false);
    const { id } = table.grantOwn(10);
    table.attach(id, "k");
    expect(id).toBe(OWN_LEASE_IDS_FROM);
    expect([...table.grantedIds()]).toEqual([3, 9]);
    expect([table.granted(id), table.granted(9)?.id, table.get(id)?.own]).toEqual([
      undefined,
      9,
      true,
    ]);
    expect([table.size, table.grantedCount]).toEqual([3, 2]);
    table.detach(id, "k");
    expect([table.size, table.grantedCount, table.keyCount(id)]).toEqual([2, 2, 0]);
    expect(table.grantOwn(10).id).toBe(OWN_LEASE_IDS_FROM + 1);
  });

  it("says why keys cannot be bound: no such lease, an own one, too many keys", () => {
    const table = new LeaseTable();
    table.grant(1, 10, false);
    const own = table.grantOwn(10).id;
    expect(table.attachRefusal(2, ["k"])?.code).toBe("LEASE_NOT_FOUND");
    expect(table.attachRefusal(own, ["k"])?.code).toBe("LEASE_NOT_FOUND");
    const names = Array.from({ length: LEASE_KEYS_MAX }, (_, i) => `k${i}`);
    expect(table.attachRefusal(1, names)).toBeUndefined();
    expect(table.attachRefusal(1, [...names, "more"])?.code).toBe("INVALID_REQUEST");
    expect(table.attachRefusal(1, [...names, "k0"])).toBeUndefined();
    for (const name of names) table.attach(1, name);
    expect(table.attachRefusal(1, ["k0", "k7"])).toBeUndefined();
    expect(table.attachRefusal(1, ["k0", "x", "y", "x"])?.message).toContain(
      "lease 1 has 1000 keys, and 2 more would exceed 1000",
    );
    table.detach(1, "k5");
    expect(table.attachRefusal(1, ["x"])).toBeUndefined();
  });

  it("names what has reached its deadline by deadline, then by id", () => {
    const table = new LeaseTable();
    for (const [id, ttlMs] of [
      [5, 20],
      [4, 20],
      [9, 10],
      [1, 30],
    ] as const) {
      table.grant(id, ttlMs, false);
    }
    expect(table.nextDeadlineMs).toBe(10);
    expect(table.expiredAt(9)).toBeUndefined();
    expect(table.expiredAt(29)?.leases).toEqual([
      { id: 9, deadlineMs: 10 },
      { id: 4, deadlineMs: 20 },
      { id: 5, deadlineMs: 20 },
    ]);
    expect(table.expiredAt(29, 2)?.leases.map(({ id }) => id)).toEqual([9, 4]);
    expect(table.expiredAt(30)?.leases).toHaveLength(4);
    const behind = (id: number, deadlineMs: number) =>
      table.expiredAt(30, 256, 1_000, { id, deadlineMs })?.leases;
    const all = table.expiredAt(30)?.leases ?? [];
    for (const [at, { id, deadlineMs }] of all.entries()) {
      expect(behind(id, deadlineMs) ?? []).toEqual(all.slice(at + 1));
    }
    // The one named may be gone, or renewed.
    expect(behind(0, all[1]?.deadlineMs ?? 0)).toEqual(all.slice(1));
  });

  it("keeps within the bound of keys, but always names one lease", () => {
    const table = new LeaseTable();
    for (const id of [1, 2, 3]) {
      table.grant(id, id, false);
      for (let i = 0; i < 4; i++) table.attach(id, `${id}/${i}`);
    }
    expect(table.expiredAt(3, 256, 8)?.leases.map(({ id }) => id)).toEqual([1, 2]);
    expect(table.expiredAt(3, 256, 7)?.leases.map(({ id }) => id)).toEqual([1]);
    expect(table.expiredAt(3, 256, 1)?.leases.map(({ id }) => id)).toEqual([1]);
  });

  it("lists keys in byte order, whatever order they were bound in (T3)", () => {
    const table = new LeaseTable();
    table.grant(1, 10, false);
    for (const key of ["b", "\xff", "a", "B", "b\0"]) table.attach(1, key);
    expect(table.keysOf(1)).toEqual(["B", "a", "b", "b\0", "\xff"]);
    table.attach(1, "a");
    expect(table.keyCount(1)).toBe(5);
  });

  it("never changes a view (rule R16)", () => {
    const table = new LeaseTable({ nowMs: 5, ownLeases: 2 });
    table.grant(1, 10, false);
    table.grant(2, 10, true);
    const view = table.view();
    const before = [...view.leases()];
    table.advance(7);
    table.keepAlive(table.get(1)!);
    table.remove(2);
    table.grant(3, 10, false);
    table.grantOwn(10);
    expect([...view.leases()]).toEqual(before);
    expect(before.map(({ id, deadlineMs }) => [id, deadlineMs])).toEqual([
      [1, 15],
      [2, 15],
    ]);
    expect(view.clock).toEqual({ nowMs: 5, ownLeases: 2 });
  });

  it.each([
    { name: "a second grant", run: (table: LeaseTable) => table.grant(1, 10, false) },
    { name: "a client's id among own ones", run: (t: LeaseTable) => t.grant(2 ** 52, 1, false) },
    { name: "the end of a lease with keys", run: (table: LeaseTable) => table.remove(1) },
    { name: "the end of no lease", run: (table: LeaseTable) => table.remove(2) },
    { name: "a key for no lease", run: (table: LeaseTable) => table.attach(2, "x") },
    { name: "a key that was not bound", run: (table: LeaseTable) => table.detach(1, "x") },
  ])("takes $name for the bug that it is", ({ run }) => {
    const table = new LeaseTable();
    table.grant(1, 10, false);
    table.attach(1, "k");
    expect(() => run(table)).toThrow(/lease/);
    expect([...table.grantedIds()]).toEqual([1]);
  });

  it("ends 100,000 leases of one second with a bounded number of looks at each (70)", () => {
    let looks = 0;
    const table = new LeaseTable({ nowMs: 1_000, ownLeases: 0 });
    const count = 100_000;
    for (let id = 1; id <= count; id++) table.add(countingLease(id, () => looks++));
    const bound = 2 * Math.log2(count);
    let ended = 0;
    while (ended < count) {
      looks = 0;
      const { leases } = table.expiredAt(1_000)!;
      expect(leases).toHaveLength(Math.min(EXPIRE_LEASES_MAX, count - ended));
      for (const { id } of leases) table.remove(id);
      ended += leases.length;
      expect(looks / leases.length).toBeLessThan(4 * bound);
    }
    expect(table.size).toBe(0);
  });
});

/** A lease that counts how often its deadline is looked at: every comparison does. */
function countingLease(id: number, look: () => void): Lease {
  const deadlineMs = (id * 7_919) % 1_000;
  return {
    id,
    ttlMs: 1,
    session: false,
    own: false,
    get deadlineMs() {
      look();
      return deadlineMs;
    },
  };
}
