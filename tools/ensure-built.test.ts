import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

// A checkout in miniature: the real script, an npm and a compiler that write down their calls.
const fakeNpm = `
const fs = require("node:fs");
fs.appendFileSync("calls.txt", "npm " + process.argv.slice(2).join(" ") + "\\n");
if (process.env.FAKE_NPM_EXIT) { console.error("registry is down"); process.exit(+process.env.FAKE_NPM_EXIT); }
fs.mkdirSync("node_modules", { recursive: true });
fs.writeFileSync("node_modules/.package-lock.json", "{}");
`;
const fakeCompiler = `
require("node:fs").appendFileSync("calls.txt", "tsc " + process.argv.slice(2).join(" ") + "\\n");
console.log("a.ts(1,1): error TS1: wrong");
process.exit(+(process.env.FAKE_TSC_EXIT ?? 0));
`;

let checkout: string;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "ensure-built-"));
  mkdirSync(join(checkout, "tools"));
  mkdirSync(join(checkout, "node_modules/typescript/bin"), { recursive: true });
  copyFileSync(
    join(import.meta.dirname, "ensure-built.mjs"),
    join(checkout, "tools/ensure-built.mjs"),
  );
  writeFileSync(join(checkout, "npm-cli.js"), fakeNpm);
  writeFileSync(join(checkout, "node_modules/typescript/bin/tsc"), fakeCompiler);
  writeFileSync(join(checkout, "package-lock.json"), "{}");
});

afterEach(() => rmSync(checkout, { recursive: true, force: true }));

function run(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const npm = join(checkout, "npm-cli.js");
  // The script accepts npm_execpath only with the suffix that npm's own has.
  copyFileSync(npm, join(checkout, "npm-cli.js"));
  const result = spawnSync(process.execPath, ["tools/ensure-built.mjs", ...args], {
    cwd: checkout,
    encoding: "utf8",
    env: { ...process.env, npm_execpath: join(checkout, "npm-cli.js"), ...env },
  });
  const log = join(checkout, "calls.txt");
  const calls = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  return { ...result, calls };
}

function markInstalled(ageSeconds: number): void {
  const path = join(checkout, "node_modules/.package-lock.json");
  writeFileSync(path, "{}");
  const at = Date.now() / 1000 - ageSeconds;
  utimesSync(path, at, at);
}

const install = "npm ci --no-fund --no-audit --loglevel=error";

describe("ensure-built", () => {
  it("installs, then compiles, where nothing is installed, and says so", () => {
    const { status, calls, stderr } = run();
    expect(status).toBe(0);
    expect(calls).toEqual([install, "tsc -b ."]);
    expect(stderr).toMatch(/^installing packages .*\ninstalled in .* s\n$/);
  });

  it("only compiles, without a word, when the installation is newer than the lock file", () => {
    markInstalled(-60);
    const { status, calls, stdout, stderr } = run();
    expect({ status, calls, stdout, stderr }).toEqual({
      status: 0,
      calls: ["tsc -b ."],
      stdout: "",
      stderr: "",
    });
  });

  it("installs again when the lock file is newer than the installation", () => {
    markInstalled(60);
    expect(run().calls).toEqual([install, "tsc -b ."]);
  });

  it("compiles the projects it is given", () => {
    markInstalled(-60);
    expect(run([".", "bench"]).calls).toEqual(["tsc -b . bench"]);
  });

  it("passes a failed installation on: output, exit code, nothing compiled", () => {
    const { status, calls, stderr } = run([], { FAKE_NPM_EXIT: "7" });
    expect(status).toBe(7);
    expect(calls).toEqual([install]);
    expect(stderr).toContain("registry is down\nnpm ci failed with exit code 7\n");
  });

  it("passes a failed compilation on: output and exit code", () => {
    markInstalled(-60);
    const { status, stderr } = run([], { FAKE_TSC_EXIT: "2" });
    expect(status).toBe(2);
    expect(stderr).toContain("a.ts(1,1): error TS1: wrong\ntsc -b failed with exit code 2\n");
  });
});
