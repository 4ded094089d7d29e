import type { SimulatorVerdict } from "./simulator.js";

/** What came of one mutation. */
export interface MutationResult {
  readonly name: string;
  readonly breaks: string;
  /** The first test that failed; `undefined` when all passed. */
  readonly test: string | undefined;
  /** `undefined` when the simulator was not asked. */
  readonly simulator: SimulatorVerdict | undefined;
  readonly seconds: number;
}

export function isKilled({ test, simulator }: MutationResult): boolean {
  return test !== undefined || simulator?.kind === "killed";
}

/** The table of a run, as it stands in docs/testing.md. */
export function reportTable(results: readonly MutationResult[]): string {
  const rows = [["Bug", "Breaks", "Tests", "Simulator"]];
  for (const { name, breaks, test, simulator } of results) {
    rows.push([name, breaks, test === undefined ? "survived" : "killed", simulated(simulator)]);
  }
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  rows.splice(
    1,
    0,
    widths.map((width) => "-".repeat(width)),
  );
  return rows
    .map((row) => `| ${row.map((cell, at) => cell.padEnd(widths[at]!)).join(" | ")} |`)
    .join("\n");
}

function simulated(verdict: SimulatorVerdict | undefined): string {
  if (verdict === undefined) return "–";
  if (verdict.kind === "survived") return `not in ${verdict.seeds} seeds`;
  return `seed ${verdict.seed}, ${verdict.by.split(":")[0]}`;
}

/** Figures of a run, one line. */
export function reportSummary(results: readonly MutationResult[]): string {
  const killed = results.filter(isKilled).length;
  const byTests = results.filter(({ test }) => test !== undefined).length;
  const lines = [`${killed} of ${results.length} killed, ${byTests} by tests`];
  const verdicts = results.flatMap(({ simulator }) => simulator ?? []);
  if (verdicts.length > 0) {
    const seeds = verdicts.flatMap((verdict) => (verdict.kind === "killed" ? verdict.seed : []));
    lines.push(`${seeds.length} of ${verdicts.length} by the simulator`);
    if (seeds.length > 0) lines.push(`in ${median(seeds)} seeds at the median`);
  }
  return lines.join(", ");
}

/** The value in the middle, or the mean of the two there. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}
