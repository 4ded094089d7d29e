import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runNode } from "./child.js";

/** A run takes seconds; a bug may make it endless. */
const timeoutMs = 300_000;

/**
 * Runs the tests at `paths` in the tree at `root` up to the first failure. Answers which one failed,
 * `undefined` when all passed. Throws when there was nothing to run.
 */
export async function firstFailure(
  root: string,
  paths: readonly string[],
): Promise<string | undefined> {
  const file = join(root, ".tests.json");
  rmSync(file, { force: true });
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporting = ["--reporter=json", `--outputFile=${file}`];
  const args = [vitest, "run", "--bail=1", "--no-file-parallelism", ...reporting, ...paths];
  const { code, output } = await runNode(args, { cwd: root, timeoutMs });
  if (code === undefined) return `no end of the tests within ${timeoutMs / 1000} s`;
  if (!existsSync(file)) throw new Error(`vitest ended with code ${code}:\n${output}`);
  const report = JSON.parse(readFileSync(file, "utf8")) as TestReport;
  if (code === 0 && report.numPassedTests > 0) return undefined;
  const failure = nameOfFailure(report, root);
  if (failure === undefined)
    throw new Error(`vitest ran nothing in ${paths.join(" ")}:\n${output}`);
  return failure;
}

/** What is used of vitest's JSON. */
export interface TestReport {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The first test that failed, or the file that could not be loaded. */
export function nameOfFailure(report: TestReport, root: string): string | undefined {
  for (const file of report.testResults) {
    const path = file.name.replace(`${root}/`, "");
    const failed = file.assertionResults.find(({ status }) => status === "failed");
    if (failed !== undefined) return `${path}: ${failed.fullName}`;
    if (file.status === "failed") return `${path}: does not load`;
  }
  return undefined;
}
