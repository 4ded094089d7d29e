import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { capture } from "../../test/captured-io.js";
import { runCli } from "./run-cli.js";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "config-command-"));
  file = join(folder, "n.toml");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(args: readonly string[], environment: Record<string, string> = {}) {
  const { io, result } = capture("", environment);
  const code = await runCli(args, io);
  return { code, ...result() };
}

describe("d-engine config check", () => {
  it("says that all is well, and with which file", async () => {
    writeFileSync(file, "cluster.node_id = 3");
    const checked = await run(["config", "check"], { CONFIG_PATH: file });
    expect(checked).toMatchObject({
      code: 0,
      out: `ok: 1 settings given, with ${file}\n`,
      err: "",
    });
    const { out } = await run(["config", "check", "--config", file, "--json"]);
    expect(JSON.parse(out)).toEqual({ ok: true, file, settings: 1 });
  });

  it("tells all problems of all sources, each with place, bound and fix, code 1", async () => {
    writeFileSync(file, "[cluster]\nnode_id = 0\nnode_idd = 1\n");
    const environment = { RAFT__ELECTION__ELECTION_TIMEOUT_MAX: "5" };
    const args = ["config", "check", "-c", file, "--heartbeat-interval-ms", "0"];
    const { code, out, err } = await run(args, environment);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err.trimEnd().split("\n")).toEqual([
      "d-engine: bad configuration, 4 problems:",
      `  cluster.node_id = 0 (${file}:2) must be an integer from 1 to 4294967295: set at least 1`,
      `  cluster.node_idd (${file}:3) is not a setting: did you mean cluster.node_id?`,
      expect.stringMatching(
        /^ {2}RAFT__ELECTION__ELECTION_TIMEOUT_MAX \(environment\) .*remove it/,
      ),
      '  --heartbeat-interval-ms = "0" (command line) must be a number from 1 to 60000: set at least 1',
    ]);
    const json = await run([...args, "--json"], environment);
    const { error } = JSON.parse(json.err);
    expect(error).toMatchObject({ code: "INVALID_REQUEST", outcome: "rejected" });
    expect(error.problems[0]).toEqual({
      key: "cluster.node_id",
      value: "0",
      origin: "file",
      source: `${file}:2`,
      problem: "must be an integer from 1 to 4294967295",
      fix: "set at least 1",
    });
  });

  it("ends with code 2 when the command line alone is wrong", async () => {
    expect(await run(["config", "check", "--node-id", "x"])).toMatchObject({ code: 2 });
    expect(await run(["config", "check", "--election-timeout-ms", "100"])).toMatchObject({
      code: 2,
    });
  });
});

describe("d-engine config print", () => {
  it("shows what is in force and where from, and no secret", async () => {
    writeFileSync(file, "[cluster]\ncluster_token = 'geheim'\nnode_id = 3\n");
    const environment = { D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS: "2000" };
    const args = ["config", "print", "-c", file, "--join-as", "read-only"];
    const { code, out, err } = await run(args, environment);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(`[cluster]\nnode_id = 3  # ${file}:3\n`);
    expect(out).toContain('join_as = "readOnly"  # command line, --join-as\n');
    expect(out).toContain(
      "election_timeout_ms = 2000  # environment, D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS\n",
    );
    expect(out).toContain("lease_duration_ms = 1600  # follows election_timeout_ms\n");
    expect(out).toContain("heartbeat_interval_ms = 100  # default\n");
    expect(out).toContain(`# cluster_token is set, not shown  (${file}:2)\n`);
    const json = await run([...args, "--json"], environment);
    expect(JSON.parse(json.out)["cluster.node_id"]).toEqual({ value: 3, source: `${file}:3` });
    expect(out + json.out).not.toContain("geheim");
  });
});

describe("d-engine config defaults", () => {
  it("lists all settings as a file, as JSON and as a page", async () => {
    expect((await run(["config", "defaults"])).out).toContain("# election_timeout_ms = 1000\n");
    expect(JSON.parse((await run(["config", "defaults", "--json"])).out).length).toBeGreaterThan(
      60,
    );
    expect((await run(["config", "defaults", "--markdown"])).out).toMatch(/^# Configuration\n/);
  });
});

describe("d-engine start", () => {
  it.each([
    { name: "missing", text: undefined },
    { name: "not TOML", text: "[" },
    { name: "wrong", text: "cluster.node_id = 0" },
  ])("refuses a file that is $name in one line, with code 1", async ({ text }) => {
    if (text !== undefined) writeFileSync(file, text);
    const { code, out, err } = await run(["start", "--config", file]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^d-engine: bad configuration: [^\n]+\n$/);
    expect(err).toContain(file);
  });

  it("refuses a directory in place of a file", async () => {
    const { code, err } = await run(["start", "--config", folder]);
    expect({ code, err }).toEqual({
      code: 1,
      err: `d-engine: bad configuration: the file (${folder}) is a directory: name a file of settings in TOML\n`,
    });
  });
});
