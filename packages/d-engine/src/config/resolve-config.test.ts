import { ENGINE_DEFAULTS } from "@d-engine/server";
import { describe, expect, it } from "vitest";
import { ConfigError, type ConfigProblem } from "./config-error.js";
import { readEnvironment } from "./environment.js";
import { readFlags, readOptions } from "./named-values.js";
import { type PlacedValues, resolveConfig } from "./resolve-config.js";
import { CONFIG_DEFAULTS, SETTINGS } from "./schema.js";
import { readToml } from "./toml-file.js";
import { UPSTREAM_REFUSED } from "./upstream-keys.js";

function fromToml(text: string): PlacedValues {
  return resolveConfig([readToml(text, "n.toml")]);
}

function valuesOf(placed: PlacedValues): object {
  return Object.fromEntries([...placed].map(([name, { value }]) => [name, value]));
}

function problemsOf(work: () => unknown): readonly ConfigProblem[] {
  try {
    work();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("the schema", () => {
  it("has every setting of an engine once, with a default and what it must be", () => {
    const names = SETTINGS.map(({ name }) => name);
    expect([...names].sort()).toEqual(
      Object.keys(CONFIG_DEFAULTS)
        .filter((name) => name !== "address")
        .sort(),
    );
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(SETTINGS.map(({ path }) => path)).size).toBe(names.length);
    const { address: _, ...engine } = ENGINE_DEFAULTS;
    expect(CONFIG_DEFAULTS).toMatchObject(engine);
    for (const { rule, description } of SETTINGS) {
      expect(rule).toBeDefined();
      expect(description).not.toBe("");
    }
  });

  it("names keys, flags and variables by one rule", () => {
    expect(SETTINGS.find(({ name }) => name === "electionTimeoutMs")).toMatchObject({
      path: "raft.election.election_timeout_ms",
      flag: "--election-timeout-ms",
      variable: "D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS",
      upstream: ["raft.election.election_timeout_min"],
    });
  });
});

describe("sources", () => {
  const key = "raft.election.election_timeout_ms";
  const file = readToml(`${key} = 2000`, "n.toml");
  const environment = readEnvironment({ D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS: "3000" });
  const flags = readFlags({ electionTimeoutMs: "4_000", json: true });
  const options = readOptions({ electionTimeoutMs: 5000, join: undefined });

  it.each([
    { name: "file", sources: [file], value: 2000, source: "n.toml:1" },
    { name: "environment", sources: [file, environment], value: 3000, source: "environment" },
    { name: "flags", sources: [file, environment, flags], value: 4000, source: "command line" },
    {
      name: "options",
      sources: [file, environment, flags, options],
      value: 5000,
      source: "option",
    },
  ])("grow in weight: $name", ({ sources, value, source }) => {
    expect(resolveConfig(sources).get("electionTimeoutMs")).toMatchObject({ value, source });
  });

  it("are checked also where they are outweighed", () => {
    const bad = readToml(`${key} = 1`, "n.toml");
    expect(problemsOf(() => resolveConfig([bad, options]))).toMatchObject([{ source: "n.toml:1" }]);
  });

  it.each([
    ["D_ENGINE__CLUSTER__NODE_ID", "nodeId"],
    ["RAFT__CLUSTER__NODE_ID", "nodeId"],
    ["RAFT__RAFT__ELECTION__ELECTION_TIMEOUT_MIN", "electionTimeoutMs"],
    ["RAFT__ELECTION__ELECTION_TIMEOUT_MIN", "electionTimeoutMs"],
  ])("know the variable %s", (variable, name) => {
    expect(valuesOf(resolveConfig([readEnvironment({ [variable]: "1234" })]))).toEqual({
      [name]: 1234,
    });
  });

  it("take an empty variable, and one of others, for absent", () => {
    const others = { RAFT__CLUSTER__NODE_ID: "", RAFT: "x", D_ENGINE_ENDPOINTS: "a:1" };
    expect(readEnvironment(others)).toEqual([]);
  });

  it("may not set the same twice, by two names", () => {
    const text = "[cluster]\ndb_root_dir = 'a'\n[server]\ndata_dir = 'a'";
    expect(problemsOf(() => fromToml(text))).toMatchObject([
      { key: "server.data_dir", problem: "sets what cluster.db_root_dir (n.toml:2) sets already" },
    ]);
  });
});

describe("values", () => {
  it.each([
    {
      text: "raft.read_consistency.default_policy = 'LeaseRead'",
      is: { defaultConsistency: "lease" },
    },
    { text: "raft.watch.max_watcher_count = 5", is: { watchesMax: 5 } },
    { text: "raft.learner_catchup_threshold = 5", is: { promotionLagMax: 5 } },
    { text: "cluster.join_as = 'read-only'", is: { joinAs: "readOnly" } },
    { text: "cluster.listen_address = 'A:0'", is: { listen: "a:0" } },
    { text: "cluster.join = 'a:1, b:2'", is: { join: ["a:1", "b:2"] } },
    {
      text: "cluster.join = ['a:1']\ncluster.listen_address = 'c:1'",
      is: { join: ["a:1"], listen: "c:1" },
    },
    {
      text: "cluster.initial_cluster = '1=a:1,2=b:2'",
      is: { initialCluster: { 1: "a:1", 2: "b:2" } },
    },
    {
      text: "[[cluster.initial_cluster]]\nid = 1\naddress = 'a:1'\nrole = 1\nstatus = 3",
      is: { initialCluster: { 1: "a:1" } },
    },
    { text: "raft.membership.auto_promote = false", is: { autoPromote: false } },
  ])("are read: $text", ({ text, is }) => {
    const listen = text.includes("join =") ? "\ncluster.listen_address = 'c:1'" : "";
    const whole = text.includes("listen_address") ? text : text + listen;
    expect(valuesOf(fromToml(whole))).toMatchObject(is);
  });

  it.each([
    { text: "election.election_timeout_ms = 5", problem: "from 10 to 600000", fix: "at least 10" },
    { text: "election.election_timeout_ms = 999999", problem: "from 10", fix: "at most 600000" },
    { text: "election.election_timeout_ms = '500'", problem: "a number", fix: "without quotes" },
    { text: "election.election_timeout_ms = nan", problem: "a number", fix: "set a number" },
    { text: "log.segment_bytes = 67108865", problem: "a multiple of 512", fix: "set 67109376" },
    { text: "log.log_bytes_max = 99999999999999999999", problem: "integer", fix: "at most" },
    { text: "membership.auto_promote = 'true'", problem: "true, false", fix: "without quotes" },
    {
      text: "read_consistency.default_consistency = 'eventul'",
      problem: "one of",
      fix: "eventual?",
    },
    { text: "read_consistency.default_policy = 'LeasRead'", problem: "one of", fix: "LeaseRead?" },
    { text: "backpressure.max_pending_writes = 0", problem: "integer", fix: "is not offered" },
    { text: "election.election_timeout_ms = 2024-01-01", problem: "a number", fix: "set a number" },
  ])("are refused with bound and fix: $text", ({ text, problem, fix }) => {
    const found = problemsOf(() => fromToml(`\n[raft]\n${text}`));
    expect(found).toMatchObject([
      {
        source: "n.toml:3",
        problem: expect.stringContaining(problem),
        fix: expect.stringContaining(fix),
      },
    ]);
  });

  it.each([
    ["[]", "names no member"],
    ["[1]", "member 1 is no table"],
    ["[{ id = 1 }]", "an endpoint must be a string"],
    ["[{ id = 0, address = 'a:1' }]", "an id must be an integer from 1"],
    ["[{ id = 1, address = 'a:1', color = 1 }]", 'unknown key "color"'],
    ["[{ id = 1, address = 'a:1' }, { id = 1, address = 'b:1' }]", "named twice"],
    ["[{ id = 1, address = 'a:1' }, { id = 2, address = 'a:1' }]", "two members have the address"],
    ["[{ id = 1, address = 'a:1', role = 4, status = 1 }]", "is no voter"],
    ["'1=a'", "is not ID=HOST:PORT"],
    ["5", "neither a list nor a text"],
  ])("of first members are refused: %s", (value, why) => {
    const [problem] = problemsOf(() => fromToml(`cluster.initial_cluster = ${value}`));
    expect(problem?.problem).toContain(why);
  });
});

describe("keys", () => {
  it.each([
    ["raft.election.election_timout_ms", "did you mean raft.election.election_timeout_ms?"],
    ["raft.election_timeout_ms", "did you mean raft.election.election_timeout_ms?"],
    ["electionTimeoutMs", "did you mean raft.election.election_timeout_ms?"],
    ["raft.replication.appendEntriesMx", "did you mean raft.replication.append_entries_max?"],
    ["colour", 'remove it, or correct it; "d-engine config defaults" lists all'],
  ])("that are unknown get a suggestion: %s", (key, fix) => {
    expect(problemsOf(() => fromToml(`${key} = 1`))).toMatchObject([
      { key, problem: "is not a setting", fix },
    ]);
  });

  it("are suggested in the words of their source", () => {
    const variable = readEnvironment({ D_ENGINE__CLUSTER__NODE: "1" });
    expect(problemsOf(() => resolveConfig([variable]))).toMatchObject([
      { fix: "did you mean D_ENGINE__CLUSTER__NODE_ID?" },
    ]);
    expect(problemsOf(() => resolveConfig([readOptions({ electionTimeout: 1 })]))).toMatchObject([
      { key: "electionTimeout", fix: "did you mean electionTimeoutMs?" },
    ]);
  });

  it.each(Object.keys(UPSTREAM_REFUSED))("of d-engine for Rust are explained: %s", (key) => {
    const [problem] = problemsOf(() => fromToml(`${key} = 1`));
    expect(problem?.problem).toContain("d-engine for Rust");
    expect(problem?.fix).toBe(`remove it; ${UPSTREAM_REFUSED[key]}`);
  });

  it("are no values where they are sections", () => {
    expect(problemsOf(() => fromToml("raft = 1"))).toMatchObject([{ fix: "set the keys in it" }]);
  });
});

describe("relations", () => {
  it.each([
    {
      name: "heartbeat against election timeout",
      text: "raft.election.election_timeout_ms = 200",
      key: "raft.election.election_timeout_ms",
      source: "election_timeout_ms: n.toml:1, heartbeat_interval_ms: default",
      problem: "election_timeout_ms (200) must be at least three times heartbeat_interval_ms (100)",
    },
    {
      name: "lease against election timeout",
      text: "raft.read_consistency.lease_duration_ms = 900",
      key: "raft.read_consistency.lease_duration_ms",
      source: "lease_duration_ms: n.toml:1, election_timeout_ms: default, clock_drift_max: default",
      problem: "must be below election_timeout_ms x (1 - clock_drift_max) = 900",
    },
    {
      name: "values against segments",
      text: "store.value_bytes_max = 100_000_000\nlimits.request_bytes_max = 300_000_000",
      key: "store.value_bytes_max",
      source: "segment_bytes: default, key_bytes_max: default, value_bytes_max: n.toml:1",
      problem: "segment_bytes (67108864) must hold the largest command",
    },
    {
      name: "the log against its tail",
      text: "raft.log.log_bytes_max = 1024",
      key: "raft.log.log_bytes_max",
      source: expect.stringContaining("log_bytes_max: n.toml:1"),
      problem: "log_bytes_max (1024) must be at least log_tail_bytes + snapshot_log_bytes",
    },
    {
      name: "founding and joining",
      text: "cluster.join = 'a:1'\ncluster.initial_cluster = '1=a:1'",
      key: "cluster.join, cluster.initial_cluster",
      source: "join: n.toml:1, initial_cluster: n.toml:2",
      problem: "exclude each other",
    },
  ])("are checked, with where each side stands: $name", ({ text, key, source, problem }) => {
    const found = problemsOf(() => fromToml(text));
    expect(found).toMatchObject([{ key, source, problem: expect.stringContaining(problem) }]);
  });

  it("are not checked of values that are wrong by themselves", () => {
    const text =
      "[raft]\nelection.election_timeout_ms = -1\nreplication.heartbeat_interval_ms = 900";
    expect(problemsOf(() => fromToml(text))).toHaveLength(1);
  });

  it("include what only the start of an engine checks", () => {
    const found = problemsOf(() => fromToml("cluster.join = 'a:1'"));
    expect(found).toMatchObject([{ problem: expect.stringContaining("must be reached by it") }]);
  });
});

describe("problems", () => {
  it("are told all at once, and beyond a hundred are counted", () => {
    const text = Array.from({ length: 150 }, (_, at) => `k${at} = 1`).join("\n");
    const error = (() => {
      try {
        return fromToml(text);
      } catch (caught) {
        return caught as ConfigError;
      }
    })() as ConfigError;
    expect(error).toMatchObject({ code: "INVALID_REQUEST", outcome: "rejected" });
    expect(error.problems).toHaveLength(100);
    expect(error.message).toMatch(/^bad configuration, 150 problems:\n.*\n {2}and 50 more$/s);
  });

  it("are one line each, whatever names they hold", () => {
    const variable = "D_ENGINE__X\n\u001b[2J\u202e";
    const resolve = () => resolveConfig([readEnvironment({ [variable]: "1" })]);
    expect(resolve).toThrow(/^bad configuration: D_ENGINE__X\?\?\[2J\? \(environment\) [ -~]+$/);
  });

  it("never show a secret", () => {
    const [problem] = problemsOf(() => fromToml("cluster.cluster_token = 123456"));
    expect(problem).toMatchObject({ value: "(not shown)", fix: "write it in quotes" });
  });
});
