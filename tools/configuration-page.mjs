/**
 * Generates docs/configuration.md from the schema of the settings.
 *
 *   node tools/configuration-page.mjs           replaces the page
 *   node tools/configuration-page.mjs --check   changes nothing; exit code 1 when it would
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const page = join(root, "docs", "configuration.md");
const command = join(root, "packages", "d-engine", "bin", "d-engine.js");

const run = spawnSync(process.execPath, [command, "config", "defaults", "--markdown"], {
  encoding: "utf8",
});
if (run.status !== 0) {
  process.stderr.write(run.stderr);
  process.exitCode = 1;
} else if (!process.argv.includes("--check")) {
  writeFileSync(page, run.stdout);
} else if (readFileSync(page, "utf8") !== run.stdout) {
  process.stderr.write("docs/configuration.md is out of date: npm run config-page\n");
  process.exitCode = 1;
}
