import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { id } from "../../test/support/messages.js";
import type { VoterSets } from "../quorum/voter-sets.js";
import { type LeaseGrant, leaseUntilMs } from "./lease.js";

const limits = { leaseDurationMs: 800, clockDriftMax: 0.1 };
const never = Number.NEGATIVE_INFINITY;

type Grants = Readonly<Record<number, readonly [sentMs: number, promisedTimeoutMs: number]>>;

function leaseOf(voters: readonly number[], grants: Grants, outgoing: readonly number[] = []) {
  const sets: VoterSets = { incoming: voters.map(id), outgoing: outgoing.map(id) };
  const grantOf = (n: number): LeaseGrant | undefined => {
    const [sentMs, promisedTimeoutMs] = grants[n] ?? [];
    if (sentMs === undefined || promisedTimeoutMs === undefined) return undefined;
    return { sentMs, promisedTimeoutMs };
  };
  return leaseUntilMs(sets, id(1), grantOf, limits);
}

describe("leaseUntilMs", () => {
  it.each<{ name: string; voters: number[]; grants: Grants; until: number }>([
    { name: "a lone voter for ever", voters: [1], grants: {}, until: Number.POSITIVE_INFINITY },
    { name: "nobody without an answer", voters: [1, 2, 3], grants: {}, until: never },
    {
      name: "from the send time of the round that a majority answered",
      voters: [1, 2, 3],
      grants: { 2: [100, 1000] },
      until: 900,
    },
    {
      name: "from the older of two rounds when both are needed",
      voters: [1, 2, 3, 4, 5],
      grants: { 2: [100, 1000], 3: [300, 1000] },
      until: 900,
    },
    {
      name: "no longer than the shortest promise in the quorum, less the drift (R3)",
      voters: [1, 2, 3, 4, 5],
      grants: { 2: [100, 1000], 3: [100, 500] },
      until: 550,
    },
    {
      name: "not at all on an answer that promises nothing",
      voters: [1, 2, 3],
      grants: { 2: [100, 0] },
      until: 100,
    },
    {
      name: "without regard to a promise that came with an older round",
      voters: [1, 2, 3],
      grants: { 2: [100, 1000], 3: [50, 10] },
      until: 900,
    },
  ])("lasts $name", ({ voters, grants, until }) => {
    expect(leaseOf(voters, grants)).toBe(until);
  });

  it("needs a majority of each half of a joint configuration (R5)", () => {
    expect(leaseOf([1, 2, 3], { 2: [100, 1000] }, [1, 4, 5])).toBe(never);
    expect(leaseOf([1, 2, 3], { 2: [100, 1000], 4: [50, 1000] }, [1, 4, 5])).toBe(850);
  });

  it("asks the others alone when the leader is not a voter (R12)", () => {
    expect(leaseOf([2, 3], { 2: [100, 1000] })).toBe(never);
    expect(leaseOf([2, 3], { 2: [100, 1000], 3: [80, 1000] })).toBe(880);
  });

  it("never outlasts a majority of promises, each counted from its send (R3)", () => {
    const grant = fc.option(fc.tuple(fc.nat(1000), fc.nat(2000)), { nil: undefined });
    fc.assert(
      fc.property(fc.array(grant, { minLength: 1, maxLength: 6 }), (grants) => {
        const voters = [1, ...grants.map((_, at) => at + 2)];
        const given = Object.fromEntries(
          grants.flatMap((g, at) => (g === undefined ? [] : [[at + 2, g] as const])),
        );
        const until = leaseOf(voters, given);
        // While the lease holds, those still bound, with the leader, must be a majority: then no
        // other majority can elect anybody.
        const bound = Object.values(given).filter(
          ([sentMs, promisedMs]) => sentMs + promisedMs * (1 - limits.clockDriftMax) >= until,
        ).length;
        if (until !== never) expect((bound + 1) * 2).toBeGreaterThan(voters.length);
        const newest = Math.max(never, ...Object.values(given).map(([sentMs]) => sentMs));
        expect(until).toBeLessThanOrEqual(newest + limits.leaseDurationMs);
      }),
    );
  });
});
