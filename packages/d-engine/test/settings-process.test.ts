import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, connectAdmin, isEngineError } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { NodeProcesses } from "./node-processes.js";

const readyTimeoutMs = 30_000;
const ids = [1, 2, 3] as const;

/** A file of settings for one of three nodes. */
function settingsFile(nodes: NodeProcesses, id: number, election: string): string {
  const file = join(nodes.folder, `${id}.toml`);
  const members = ids.map((other) => `{ id = ${other}, address = "${nodes.addresses([other])}" }`);
  const lines = [
    "[cluster]",
    `node_id = ${id}`,
    `initial_cluster = [${members.join(", ")}]`,
    `db_root_dir = ${JSON.stringify(nodes.dataDir(id))}`,
    election,
  ];
  writeFileSync(file, lines.join("\n"));
  return file;
}

const slow =
  "[raft.election]\nelection_timeout_ms = 2000\n[raft.read_consistency]\nlease_duration_ms = 1500";
const quick = "[raft]\nelection.election_timeout_min = 500\nreplication.heartbeat_interval_ms = 50";

describe("a rolling restart that changes the election settings (scenario 13)", () => {
  it("keeps every acknowledged write, and reads never go back, there and back again", async () => {
    await using nodes = await NodeProcesses.of(3);
    await Promise.all(
      ids.map((id) => nodes.startWith("--config", settingsFile(nodes, id, slow)).ready()),
    );
    await using client = await connect(nodes.addresses(), { readyTimeoutMs });
    const acknowledged: number[] = [];
    const stop = new AbortController();
    const writer = (async () => {
      for (let next = 0; !stop.signal.aborted; next++) {
        try {
          await client.put(`k/${next}`, String(next));
          acknowledged.push(next);
        } catch (error) {
          if (!isEngineError(error)) throw error;
        }
      }
    })();
    const reader = (async () => {
      while (!stop.signal.aborted) {
        const before = acknowledged.at(-1);
        if (before === undefined) {
          await client.put("first", "");
          continue;
        }
        try {
          const consistency = before % 2 === 0 ? "lease" : "linearizable";
          expect(await client.getString(`k/${before}`, { consistency })).toBe(String(before));
        } catch (error) {
          if (!isEngineError(error)) throw error;
        }
      }
    })();
    for (const election of [quick, slow]) {
      for (const id of ids) {
        const ended = nodes.ended(id);
        nodes.signal(id, "SIGTERM");
        expect(await ended).toMatchObject({ status: 0, stderr: "" });
        await nodes.startWith("--config", settingsFile(nodes, id, election)).ready();
        // L1: with all three in the game somebody leads and takes writes.
        const before = acknowledged.length;
        await expect
          .poll(() => acknowledged.length, { timeout: 20_000 })
          .toBeGreaterThan(before + 20);
      }
    }
    stop.abort();
    await Promise.all([writer, reader]);
    for (const id of ids) {
      await using one = await connect(nodes.addresses([id]), { readyTimeoutMs });
      const stored = new Map<string, string>();
      for (const { key, value } of (await one.scanPrefix("k/")).entries) {
        stored.set(Buffer.from(key).toString(), Buffer.from(value).toString());
      }
      const lost = acknowledged.filter((number) => stored.get(`k/${number}`) !== String(number));
      expect(lost).toEqual([]);
    }
    await using admin = connectAdmin(nodes.addresses(), { timeoutMs: 5_000 });
    expect((await admin.members()).members).toHaveLength(3);
  }, 180_000);
});

describe("a bad file of settings", () => {
  it("ends d-engine start with code 1 and everything that is wrong", async () => {
    await using nodes = await NodeProcesses.of(1);
    const file = join(nodes.folder, "n.toml");
    writeFileSync(file, "[cluster]\nnode_id = 0\nnodeid = 1\n");
    const { status, stdout, stderr } = await nodes.run("start", "--config", file);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr.split("\n").slice(0, 3)).toEqual([
      "d-engine: bad configuration, 2 problems:",
      `  cluster.node_id = 0 (${file}:2) must be an integer from 1 to 4294967295: set at least 1`,
      `  cluster.nodeid (${file}:3) is not a setting: did you mean cluster.node_id?`,
    ]);
  }, 30_000);
});
