import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, isEngineError } from "@d-engine/client";
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

function start(nodes: NodeProcesses, id: number, election: string): Promise<unknown> {
  return nodes.startWith(id, "--config", settingsFile(nodes, id, election)).ready();
}

/** What a cluster that is restarting may answer a client; anything else is thrown. */
async function unlessRefused(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isEngineError(error)) throw error;
  }
}

describe("a rolling restart that changes the election settings (scenario 13)", () => {
  it("keeps every acknowledged write, and no read goes back, there and back again", async () => {
    await using nodes = await NodeProcesses.of(3);
    await Promise.all(ids.map((id) => start(nodes, id, slow)));
    await using client = await connect(nodes.addresses(), { readyTimeoutMs });
    await client.put("k/0", "0");
    const acknowledged = [0];
    let ended = false;
    const write = async (): Promise<void> => {
      for (let next = 1; !ended; next++) {
        await unlessRefused(async () => {
          await client.put(`k/${next}`, String(next));
          acknowledged.push(next);
        });
      }
    };
    const read = async (consistency: "lease" | "linearizable"): Promise<void> => {
      while (!ended) {
        const newest = acknowledged.at(-1);
        await unlessRefused(async () => {
          expect(await client.getString(`k/${newest}`, { consistency })).toBe(String(newest));
        });
      }
    };
    const restart = async (): Promise<void> => {
      for (const [id, election] of [quick, slow].flatMap((one) =>
        ids.map((id) => [id, one] as const),
      )) {
        if (ended) return;
        expect(await nodes.stop(id)).toMatchObject({ status: 0 });
        await start(nodes, id, election);
        // L1: somebody leads and takes writes, whatever mixture of settings there is.
        const enough = acknowledged.length + 20;
        const count = (): number => acknowledged.length;
        await expect.poll(count, { timeout: 20_000 }).toBeGreaterThan(enough);
      }
    };
    const all = [restart(), write(), read("lease"), read("linearizable")];
    for (const one of all) {
      // Also when one fails: the others must not go on over nodes that are gone.
      const end = (): void => {
        ended = true;
      };
      one.then(end, end);
    }
    const results = await Promise.allSettled(all);
    expect(results.filter(({ status }) => status === "rejected")).toEqual([]);
    for (const id of ids) {
      await using one = await connect(nodes.addresses([id]), { readyTimeoutMs });
      const stored = new Set<string>();
      for (const { key } of (await one.scanPrefix("k/")).entries)
        stored.add(Buffer.from(key).toString());
      expect(acknowledged.filter((number) => !stored.has(`k/${number}`))).toEqual([]);
    }
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
