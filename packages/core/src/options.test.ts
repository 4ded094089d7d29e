import { describe, expect, it } from "vitest";
import { isEngineError } from "./errors.js";
import { RAFT_DEFAULTS, type RaftOptionsInput, resolveRaftOptions } from "./options.js";

function problemsOf(input: object): string {
  try {
    resolveRaftOptions(input as RaftOptionsInput);
  } catch (error) {
    if (isEngineError(error, "INVALID_REQUEST")) return error.message;
    throw error;
  }
  return "";
}

describe("resolveRaftOptions", () => {
  it("gives the defaults, frozen, when nothing is asked", () => {
    const options = resolveRaftOptions();
    expect(options).toEqual(RAFT_DEFAULTS);
    expect(Object.isFrozen(options)).toBe(true);
  });

  it("takes a member given as undefined for absent", () => {
    expect(resolveRaftOptions({ electionTimeoutMs: undefined })).toEqual(RAFT_DEFAULTS);
  });

  it.each([
    { electionTimeoutMs: 300, clockDriftMax: 0.1 },
    { electionTimeoutMs: 10_000, clockDriftMax: 0.4 },
    { electionTimeoutMs: 333, clockDriftMax: 0 },
  ])("lets the lease follow an election timeout of $electionTimeoutMs ms", (input) => {
    const options = resolveRaftOptions({ ...input, heartbeatIntervalMs: 50 });
    const limit = input.electionTimeoutMs * (1 - input.clockDriftMax);
    expect(options.leaseDurationMs).toBeLessThan(limit);
    expect(options.leaseDurationMs).toBeGreaterThan(limit * 0.8);
  });

  it.each([
    { electionTimeoutMs: 9 },
    { electionTimeoutMs: 600_001 },
    { electionTimeoutMs: Number.NaN },
    { electionTimeoutMs: "1000" },
    { heartbeatIntervalMs: 0 },
    { leaseDurationMs: -1 },
    { clockDriftMax: 0.5 },
    { appendEntriesMax: 0 },
    { appendEntriesMax: 1.5 },
    { appendBytesMax: 1023 },
    { appendBytesMax: 4 * 1024 * 1024 },
    { inflightMessagesMax: 0 },
    { inflightBytesMax: 0 },
    { uncommittedBytesMax: 0 },
    { pendingReadsMax: 0 },
    { logCacheBytes: -1 },
    { logCacheBytes: Number.POSITIVE_INFINITY },
    { electionTimoutMs: 1000 },
  ])("refuses and names $0", (input) => {
    expect(problemsOf(input)).toContain(Object.keys(input)[0]);
  });

  it("names every bad field in one error, with its bounds", () => {
    const message = problemsOf({ electionTimeoutMs: 1, appendEntriesMax: 0, nonsense: 1 });
    expect(message).toContain("electionTimeoutMs must be a number from 10 to 600000, got 1");
    expect(message).toContain("appendEntriesMax must be an integer from 1 to 1000000, got 0");
    expect(message).toContain("nonsense is not an option");
    expect(message).not.toContain("\n");
  });

  it("wants the election timeout to span three heartbeats", () => {
    expect(problemsOf({ electionTimeoutMs: 300, heartbeatIntervalMs: 101 })).toContain(
      "electionTimeoutMs (300) must be at least three times heartbeatIntervalMs (101)",
    );
    expect(problemsOf({ electionTimeoutMs: 300, heartbeatIntervalMs: 100 })).toBe("");
  });

  it("wants the lease below the election timeout less the drift (R3)", () => {
    expect(problemsOf({ leaseDurationMs: 900 })).toContain("leaseDurationMs (900) must be below");
    expect(problemsOf({ leaseDurationMs: 899 })).toBe("");
  });
});
