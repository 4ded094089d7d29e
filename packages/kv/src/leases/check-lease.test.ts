import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { LEASE_TTL_MS_MAX } from "./bounds.js";
import { checkLeaseGrant, checkLeaseId, checkLeaseRoom, checkSessionMark } from "./check-lease.js";
import { LeaseTable } from "./lease-table.js";

const grant = { kind: "leaseGrant", id: 0, ttlMs: 1, session: false } as const;
const mark = { id: 1, sequence: 2, acknowledged: 1 };

describe("what may enter the log (rule R14)", () => {
  it("is any grant, id and mark within the bounds", () => {
    checkLeaseGrant(grant);
    checkLeaseGrant({ ...grant, id: 2 ** 52 - 1, ttlMs: LEASE_TTL_MS_MAX });
    checkLeaseGrant({ ...grant, session: true, ttlMs: 1_000 });
    checkSessionMark(mark);
    checkSessionMark({ id: 1, sequence: 1, acknowledged: 0 });
  });

  it.each([
    { run: () => checkLeaseGrant({ ...grant, ttlMs: 0 }), says: "from 1 to 315360000000 ms" },
    { run: () => checkLeaseGrant({ ...grant, ttlMs: LEASE_TTL_MS_MAX + 1 }), says: "ten years" },
    { run: () => checkLeaseGrant({ ...grant, ttlMs: 1.5 }), says: "not 1.5" },
    { run: () => checkLeaseGrant({ ...grant, id: 2 ** 52 }), says: "from 1 to 2^52 - 1" },
    { run: () => checkLeaseGrant({ ...grant, session: true, ttlMs: 999 }), says: "1000 ms" },
    { run: () => checkLeaseId(0), says: "0 is no lease id" },
    { run: () => checkSessionMark({ ...mark, id: 0 }), says: "0 is no lease id" },
    { run: () => checkSessionMark({ ...mark, sequence: 0 }), says: "counted from 1" },
    { run: () => checkSessionMark({ ...mark, acknowledged: 2 }), says: "cannot be among them" },
  ])("is nothing else: $says", ({ run, says }) => {
    expect(run).toThrow(says);
    expect(codeOf(run)).toBe("INVALID_REQUEST");
  });

  it("is no lease beyond their number; those of puts do not count", () => {
    const table = new LeaseTable();
    table.grant(1, 10, false);
    table.grantOwn(10);
    checkLeaseRoom(table, 2);
    expect(() => checkLeaseRoom(table, 1)).toThrow("there are 1 leases, leasesMax = 1");
    expect(codeOf(() => checkLeaseRoom(table, 1))).toBe("RATE_LIMITED");
  });
});

function codeOf(run: () => void): string | undefined {
  try {
    run();
  } catch (error) {
    if (isEngineError(error)) return error.code;
  }
  return undefined;
}
