import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCrashTest } from "./run.js";

const root = join(import.meta.dirname, "..", "..");

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "crash-test-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (name: string, rounds: number, sabotage: boolean) =>
  runCrashTest({
    root,
    folder: join(folder, name),
    rounds,
    seed: Number(process.env.CRASH_TEST_SEED ?? Date.now() % 2 ** 31),
    callers: 24,
    sabotage,
    progress: () => undefined,
  });

// Scenario 49, in small; `npm run crash-test` kills a hundred times and more.
describe("a node killed with SIGKILL under load", () => {
  it("has every acknowledged and no refused write after each of 20 restarts", async () => {
    const report = await run("kills", 20, false);
    expect(report.violations, `seed ${report.seed}`).toEqual([]);
    expect(report.kills).toBeGreaterThanOrEqual(20);
  }, 180_000);

  it("is found out when its disk forgets what it had acknowledged", async () => {
    const report = await run("sabotage", 5, true);
    expect(report.violations.join("\n"), `seed ${report.seed}`).toMatch(
      /acknowledged after that|is missing|all acknowledged changes/,
    );
  }, 60_000);
});
