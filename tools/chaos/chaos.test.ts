import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHistory } from "@d-engine/simulator";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FAULT_NAMES } from "./faults/fault-deck.js";
import { type ChaosOptions, type ChaosReport, runChaos } from "./run-chaos.js";

const root = join(import.meta.dirname, "..", "..");

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "d-engine-chaos-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (name: string, more: Partial<ChaosOptions>): Promise<ChaosReport> =>
  runChaos({
    root,
    folder: join(folder, name),
    history: join(folder, `${name}.jsonl`),
    // One round of all classes of faults takes longer than this.
    minutes: 0.1,
    nodes: 3,
    membership: false,
    nodesMax: 5,
    coordination: false,
    seed: Number(process.env.CHAOS_SEED ?? Date.now() % 2 ** 31),
    network: "proxy",
    electionTimeoutMs: 400,
    sabotage: false,
    progress: () => undefined,
    ...more,
  });

// In small; `npm run chaos` goes on for as long as it is told to.
describe("three nodes that are killed, paused, cut off and restarted under load", () => {
  it("lose no acknowledged write and answer no read wrongly (scenarios 50, 60, C1)", async () => {
    const report = await run("chaos", { membership: true, coordination: true });
    expect(report.violations, `seed ${report.seed}`).toEqual([]);
    for (const name of FAULT_NAMES) expect(report.faults[name], name).toBeGreaterThan(0);
    const written = parseHistory(readFileSync(join(folder, "chaos.jsonl"), "utf8"));
    expect(written).toHaveLength(report.answered + report.unknown + report.refused);
  }, 300_000);

  it("are found out when one read in a hundred is a lie", async () => {
    const report = await run("sabotage", {
      // Some hundred reads at least, however slow the machine is: not every lie can be told.
      minutes: 0.4,
      sabotage: true,
      faults: ["pause leader", "kill leader"],
    });
    expect(report.violations.join("\n"), `seed ${report.seed}`).toMatch(/^violation: /m);
  }, 300_000);
});
