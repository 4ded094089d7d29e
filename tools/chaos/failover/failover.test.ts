import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FailoverReport, runFailover } from "./run-failover.js";

const root = join(import.meta.dirname, "..", "..", "..");
const electionTimeoutMs = 500;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "d-engine-failover-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (how: "kill" | "stop", times: number): Promise<FailoverReport> =>
  runFailover({
    root,
    folder: join(folder, how),
    times,
    how,
    electionTimeoutMs,
    clients: 2,
    writersPerClient: 2,
    seed: Date.now() % 2 ** 31,
    progress: () => undefined,
  });

// In small; `npm run failover` takes away two hundred leaders and holds the times to their bounds.
describe("a leader that goes away under load", () => {
  it("by kill -9 costs a few election timeouts and no acknowledged write", async () => {
    const report = await run("kill", 3);
    expect(report.violations, `seed ${report.seed}`).toEqual([]);
    expect(report.acknowledged).toBeGreaterThan(100);
    expect(report.outage.max).toBeLessThan(10);
  }, 120_000);

  it("by SIGTERM hands over: no call of a client fails", async () => {
    const report = await run("stop", 3);
    expect(report.violations, `seed ${report.seed}`).toEqual([]);
    expect(report.failed).toBe(0);
    expect(report.outage.max).toBeLessThan(4);
  }, 120_000);
});
