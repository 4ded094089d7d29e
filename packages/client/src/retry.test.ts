import { ENGINE_ERRORS, EngineError, type EngineErrorCode, nodeId } from "@d-engine/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decideRetry,
  type FailedAttempt,
  RETRY_PAUSE_FIRST_MS,
  RETRY_PAUSE_MAX_MS,
} from "./retry.js";

const leader = { leaderId: nodeId(2), address: "h:2" };

describe("decideRetry", () => {
  it.each<{ code: EngineErrorCode; read: boolean; write: boolean }>([
    { code: "NOT_LEADER", read: true, write: true },
    { code: "LEADER_CHANGED", read: true, write: true },
    { code: "CLUSTER_UNAVAILABLE", read: true, write: true },
    { code: "RATE_LIMITED", read: true, write: true },
    { code: "PROPOSE_FAILED", read: true, write: true },
    { code: "CONNECTION_TIMEOUT", read: true, write: true },
    { code: "OUTCOME_UNKNOWN", read: true, write: false },
    { code: "STORAGE_IO_ERROR", read: true, write: false },
    { code: "INVALID_REQUEST", read: false, write: false },
    { code: "DISK_FULL", read: false, write: false },
    { code: "DATA_CORRUPTION", read: false, write: false },
    { code: "INVALID_RESPONSE", read: false, write: false },
    { code: "VERSION_MISMATCH", read: false, write: false },
    { code: "CLOSED", read: false, write: false },
    { code: "UNIMPLEMENTED", read: false, write: false },
  ])("after $code tries a read again: $read, a write: $write", ({ code, read, write }) => {
    const error = new EngineError(code, "x");
    expect(decideRetry(failed({ operation: "read", error })).kind === "retry").toBe(read);
    expect(decideRetry(failed({ operation: "write", error })).kind === "retry").toBe(write);
  });

  it("never repeats a write of unknown outcome, whatever its code (C2, scenario 62)", () => {
    const codes = Object.keys(ENGINE_ERRORS) as EngineErrorCode[];
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.nat(100), (code, attempt) => {
        const error = new EngineError(code, "x", { outcome: "unknown", leader });
        expect(decideRetry(failed({ error, attempt })).kind).toBe("giveUp");
      }),
    );
  });

  it("follows the first leader hint at once, and pauses before every later one", () => {
    const error = new EngineError("NOT_LEADER", "x", { leader });
    expect(decideRetry(failed({ error, attempt: 1 }))).toEqual({ kind: "retry", delayMs: 0 });
    expect(decideRetry(failed({ error, attempt: 2 }))).toEqual({ kind: "retry", delayMs: 20 });
  });

  it("waits at least as long as the node asked for", () => {
    const error = new EngineError("RATE_LIMITED", "x", { retryAfterMs: 700 });
    expect(decideRetry(failed({ error }))).toEqual({ kind: "retry", delayMs: 700 });
  });

  it("spreads who was turned away together over half as long again", () => {
    const error = new EngineError("RATE_LIMITED", "x", { retryAfterMs: 700 });
    const delays = [0, 0.5, 0.999].map((random) => decideRetry(failed({ error, random })));
    expect(delays).toMatchObject([
      { delayMs: 700 },
      { delayMs: 875 },
      { delayMs: expect.closeTo(1_050, 0) },
    ]);
  });

  it("keeps every pause within its bounds, and none beyond the deadline", () => {
    const error = new EngineError("CLUSTER_UNAVAILABLE", "x");
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.double({ min: -10, max: 1_000, noNaN: true }),
        (attempt, random, remainingMs) => {
          const decision = decideRetry(failed({ error, attempt, random, remainingMs }));
          if (decision.kind === "giveUp") {
            expect(remainingMs).toBeLessThanOrEqual(RETRY_PAUSE_MAX_MS);
            return;
          }
          expect(decision.delayMs).toBeLessThan(remainingMs);
          expect(decision.delayMs).toBeGreaterThanOrEqual(RETRY_PAUSE_FIRST_MS / 2);
          expect(decision.delayMs).toBeLessThanOrEqual(RETRY_PAUSE_MAX_MS);
        },
      ),
    );
  });
});

function failed(some: Partial<FailedAttempt>): FailedAttempt {
  return {
    operation: "write",
    error: new EngineError("CLUSTER_UNAVAILABLE", "x"),
    attempt: 1,
    remainingMs: 10_000,
    random: 0,
    ...some,
  };
}
