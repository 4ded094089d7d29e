import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { configurationPage } from "./configuration-page.js";
import { defaultsJson, defaultsToml } from "./describe-settings.js";
import { resolveConfig } from "./resolve-config.js";
import { CONFIG_DEFAULTS, SETTINGS } from "./schema.js";
import { readToml } from "./toml-file.js";

describe("docs/configuration.md", () => {
  it("is what the schema says (npm run config-page)", () => {
    const page = join(import.meta.dirname, "../../../../docs/configuration.md");
    expect(readFileSync(page, "utf8")).toBe(configurationPage());
  });

  it("shows a file that is right", () => {
    const [, toml = ""] = /```toml\n(.*?)```/s.exec(configurationPage()) ?? [];
    expect(resolveConfig([readToml(toml, "page")]).size).toBe(3);
  });
});

describe("the list of defaults", () => {
  it("is a file that changes nothing, and with every line uncommented neither", () => {
    expect(parse(defaultsToml())).toBeDefined();
    expect(resolveConfig([readToml(defaultsToml(), "defaults")]).size).toBe(0);
    const uncommented = defaultsToml().replace(/^# (\w+ = .+)$/gm, "$1");
    const values = resolveConfig([readToml(uncommented, "defaults")]);
    expect(values.size).toBe(SETTINGS.filter(({ usual }) => usual !== undefined).length);
    for (const [name, { value }] of values) expect(value).toEqual(CONFIG_DEFAULTS[name]);
  });

  it("tells programs the same", () => {
    expect(defaultsJson()).toHaveLength(SETTINGS.length);
    expect(JSON.parse(JSON.stringify(defaultsJson()))).toContainEqual({
      name: "electionTimeoutMs",
      key: "raft.election.election_timeout_ms",
      flag: "--election-timeout-ms",
      variable: "D_ENGINE__RAFT__ELECTION__ELECTION_TIMEOUT_MS",
      default: 1000,
      mustBe: "a number from 10 to 600000",
      description: expect.stringContaining("silence"),
      upstream: ["raft.election.election_timeout_min"],
      secret: false,
    });
  });
});
