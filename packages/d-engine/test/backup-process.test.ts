import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "@d-engine/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NodeProcesses } from "./node-processes.js";

const restoredAbove = 1e9;

describe("a backup of a cluster of three", () => {
  let source: NodeProcesses;
  let file: string;
  let revision: number;
  beforeAll(async () => {
    source = await NodeProcesses.of(3);
    await source.found([1, 2, 3]);
    await using client = await connect(source.addresses(), { readyTimeoutMs: 20_000 });
    for (let at = 0; at < 50; at += 1) await client.put(`k/${at}`, `v${at}`);
    ({ revision } = await client.scanPrefix(""));
    file = join(source.folder, "backup");
    // Whichever node is asked: the one that saves need not lead.
    const at = source.addresses().slice(2).join(",");
    const saved = await source.run("snapshot", "save", file, "--endpoints", at);
    expect(saved).toMatchObject({ status: 0, stderr: "" });
  }, 60_000);
  afterAll(() => source[Symbol.asyncDispose]());

  it.each([1, 5])(
    "is restored into a new cluster of %i (R19)",
    async (size) => {
      await using target = await NodeProcesses.of(size);
      const ids = Array.from({ length: size }, (_, at) => at + 1);
      const cluster = ["--initial-cluster", target.initialCluster(ids), "--json"];
      const clusterIds = new Set<string>();
      for (const id of ids) {
        const own = ["--data-dir", target.dataDir(id), "--node-id", String(id)];
        const restored = await target.run("snapshot", "restore", file, ...own, ...cluster);
        expect(restored).toMatchObject({ status: 0, stderr: "" });
        clusterIds.add(JSON.parse(restored.stdout).clusterId);
      }
      expect(clusterIds.size).toBe(1);
      const before = readFileSync(join(source.dataDir(1), "identity.json"), "utf8");
      expect(before).not.toContain([...clusterIds][0]);
      await Promise.all(ids.map((id) => target.start(id).ready()));
      await using client = await connect(target.addresses(), { readyTimeoutMs: 20_000 });
      const { entries, revision: now } = await client.scanPrefix("k/");
      expect(entries).toHaveLength(50);
      expect(await client.getString("k/49", { consistency: "linearizable" })).toBe("v49");
      expect(now).toBe(revision + restoredAbove);
      expect(await client.put("k/0", "new")).toEqual({ revision: now + 1 });
      expect(await client.listMembers()).toHaveLength(size);
    },
    60_000,
  );

  it("is refused by name when it is damaged, and nothing is made of it", async () => {
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    const damaged = join(source.folder, "damaged");
    writeFileSync(damaged, bytes);
    const dataDir = join(source.folder, "not-made");
    for (const args of [
      ["inspect", damaged],
      ["restore", damaged, "--data-dir", dataDir],
    ]) {
      const refused = await source.run("snapshot", ...args);
      expect(refused).toMatchObject({ status: 1, stdout: "" });
      expect(refused.stderr).toMatch(new RegExp(`^d-engine: [^\\n]*${damaged}[^\\n]*\\n$`));
    }
    expect(existsSync(join(dataDir, "identity.json"))).toBe(false);
  }, 60_000);
});
