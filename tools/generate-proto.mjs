/**
 * Generates packages/proto/src/gen from packages/proto/proto.
 *
 *   node tools/generate-proto.mjs           replaces the committed code
 *   node tools/generate-proto.mjs --check   changes nothing; exit code 1 when it would
 *
 * Both programs it runs come with `npm install`, and neither opens a connection: buf's binary is
 * an optional dependency of its own per platform, which the `buf` launcher finds without any
 * install script having run, and the plugin is a local program.
 */
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, "packages", "proto", "proto");
const committed = join(root, "packages", "proto", "src", "gen");
const buf = join(root, "node_modules", "@bufbuild", "buf", "bin", "buf");
const plugin = join(root, "node_modules", "@bufbuild", "protoc-gen-es", "bin", "protoc-gen-es");

function main() {
  const check = process.argv.includes("--check");
  // Inside the checkout, so that the rename below stays within one file system.
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const scratch = mkdtempSync(join(root, ".tmp", "generate-proto-"));
  try {
    const fresh = join(scratch, "gen");
    generate(fresh);
    if (check) {
      reportDifferences(fresh);
    } else {
      rmSync(committed, { recursive: true, force: true });
      renameSync(fresh, committed);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** @param {string} output */
function generate(output) {
  for (const program of [buf, plugin]) {
    if (!existsSync(program)) fail(`${relative(root, program)} is missing; run npm install first`);
  }
  const template = {
    version: "v2",
    plugins: [
      { local: [process.execPath, plugin], out: output, opt: ["target=ts", "import_extension=js"] },
    ],
  };
  const args = [buf, "generate", sources, "--template", JSON.stringify(template)];
  const run = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (run.status !== 0) {
    const reason = (run.error?.message ?? run.stderr).trim();
    fail(`buf generate failed with exit code ${run.status}\n${reason}`);
  }
}

/** @param {string} fresh */
function reportDifferences(fresh) {
  const paths = new Set([...filesBelow(fresh), ...filesBelow(committed)]);
  const stale = [...paths].sort().filter((path) => {
    const [a, b] = [join(fresh, path), join(committed, path)];
    return !existsSync(a) || !existsSync(b) || !readFileSync(a).equals(readFileSync(b));
  });
  if (stale.length > 0) {
    const names = stale.map((path) => join(relative(root, committed), path)).join(", ");
    fail(`generated code is out of date (${names}); run npm run proto and commit the result`);
  }
}

/** @param {string} directory */
function filesBelow(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((found) => found.isFile())
    .map((found) => relative(directory, join(found.parentPath ?? found.path, found.name)));
}

/** Thrown rather than exited on, so that the scratch folder is removed on every way out. */
class GenerateError extends Error {}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  throw new GenerateError(message);
}

try {
  main();
} catch (error) {
  if (!(error instanceof GenerateError)) throw error;
  console.error(`generate-proto: ${error.message}`);
  process.exitCode = 1;
}
