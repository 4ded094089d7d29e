import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "../embedded-engine.js";
import { loadConfig } from "./load-config.js";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "load-config-"));
  file = join(folder, "n.toml");
  writeFileSync(file, "[cluster]\nnode_id = 7\n[raft.election]\nelection_timeout_ms = 2000\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("loadConfig", () => {
  it("looks at nothing that it is not given", () => {
    expect(loadConfig()).toEqual({ dataDir: "./data" });
  });

  it("has what was set, the later source over the earlier", () => {
    const environment = { D_ENGINE__CLUSTER__NODE_ID: "8", CONFIG_PATH: file, HOME: "/" };
    expect(loadConfig({ file })).toEqual({
      dataDir: "./data",
      nodeId: 7,
      electionTimeoutMs: 2000,
    });
    expect(loadConfig({ environment, overrides: { electionTimeoutMs: 3000 } })).toEqual({
      dataDir: "./data",
      nodeId: 8,
      electionTimeoutMs: 3000,
    });
  });

  it("prefers the file that it is given to CONFIG_PATH", () => {
    const environment = { CONFIG_PATH: "/nowhere" };
    expect(loadConfig({ file, environment }).nodeId).toBe(7);
    expect(() => loadConfig({ environment })).toThrow("(/nowhere) cannot be read");
    expect(loadConfig({ environment: { CONFIG_PATH: "" } })).toEqual({ dataDir: "./data" });
  });

  it("gives an engine what it starts with", async () => {
    const config = loadConfig({ file, overrides: { dataDir: join(folder, "data"), nodeId: 1 } });
    await using engine = await EmbeddedEngine.start(config);
    await engine.waitReady({ timeoutMs: 10_000 });
    expect(engine.identity.nodeId).toBe(1);
  });
});
