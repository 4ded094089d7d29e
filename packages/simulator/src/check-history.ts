#!/usr/bin/env node
/**
 * Judges a recorded history: `node dist/check-history.js FILE [--json] [--answered-min N]
 * [--writes-min N] [--reads-min N] [--steps-max N]`. Exit code 0: linearizable; 1: a violation;
 * 2: not readable; 3: undecided or too few operations.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseHistory } from "./checkers/history-file.js";
import type { HistoryVerdict } from "./checkers/linearizability.js";
import { checkHistory, LINEARIZABILITY_DEFAULTS } from "./checkers/linearizability.js";

const exitCodes = { ok: 0, violation: 1, undecided: 3, tooFew: 3 } as const;

function main(): number {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      "answered-min": { type: "string" },
      "writes-min": { type: "string" },
      "reads-min": { type: "string" },
      "steps-max": { type: "string" },
    },
  });
  const file = positionals[0];
  if (file === undefined || positionals.length > 1) {
    throw new Error("exactly one history file is needed");
  }
  const defaults = LINEARIZABILITY_DEFAULTS;
  const startedMs = performance.now();
  const verdict = checkHistory(parseHistory(readFileSync(file, "utf8")), {
    answeredMin: count(values["answered-min"], defaults.answeredMin),
    writesMin: count(values["writes-min"], defaults.writesMin),
    readsMin: count(values["reads-min"], defaults.readsMin),
    stepsMaxPerKey: count(values["steps-max"], defaults.stepsMaxPerKey),
  });
  const tookMs = Math.round(performance.now() - startedMs);
  console.log(values.json ? JSON.stringify({ ...verdict, tookMs }) : report(verdict, tookMs));
  return exitCodes[verdict.kind];
}

function report(verdict: HistoryVerdict, tookMs: number): string {
  const { operations, keys, answered, writes, reads, unknown, failed } = verdict.counts;
  const summary =
    `${operations} operations on ${keys} keys in ${tookMs} ms: ${answered} answered ` +
    `(${writes} writes, ${reads} reads), ${unknown} unknown, ${failed} refused`;
  switch (verdict.kind) {
    case "ok":
      return `ok: linearizable\n${summary}`;
    case "violation":
      return `VIOLATION\n${verdict.explanation}\n${summary}`;
    case "undecided":
      return `UNDECIDED\n${verdict.explanation}\n${summary}`;
    case "tooFew":
      return `TOO FEW\n${verdict.explanation}\n${summary}`;
  }
}

function count(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a count: ${text}`);
  return value;
}

try {
  process.exitCode = main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
