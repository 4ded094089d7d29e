import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { Latencies } from "../statistics.js";
import type { ClusterResult } from "./cluster.js";
import { parseOperations } from "./cluster.js";
import { runLoad } from "./run-load.js";

const root = join(import.meta.dirname, "..", "..");

it("npm run bench -- cluster measures every operation of every subject, and cleans up", () => {
  mkdirSync(join(root, ".tmp"), { recursive: true });
  const dir = mkdtempSync(join(root, ".tmp", "bench-"));
  try {
    const flags = ["--callers", "1,10", "--repetitions", "1", "--seconds", "0.05", "--json"];
    const args = ["run", "-s", "bench", "--", "cluster", "--cluster-keys", "100", "--dir", dir];
    const { status, stdout, stderr } = spawnSync("npm", [...args, ...flags], {
      cwd: root,
      encoding: "utf8",
      timeout: 110_000,
    });
    expect({ status, stderr: status === 0 ? "" : stderr }).toEqual({ status: 0, stderr: "" });
    const { cluster } = JSON.parse(stdout) as { readonly cluster: ClusterResult };
    const measured = cluster.comparisons.map(({ operation, callers, subjects }) => ({
      what: `${operation} ${callers}`,
      subjects: subjects.filter(({ perSecond }) => perSecond > 0).map(({ subject }) => subject),
    }));
    const subjects = ["embedded, leader", "embedded, follower", "client"];
    const whats = ["put", "linearizable", "lease", "eventual"].flatMap((operation) =>
      [1, 10].map((callers) => `${operation} ${callers}`),
    );
    expect(measured).toEqual(whats.map((what) => ({ what, subjects })));
    expect(readdirSync(dir)).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 120_000);

it("an operation that does not exist is refused by name", () => {
  expect(() => parseOperations("put,swap")).toThrow("no such operation: swap");
});

it.each(["put", "eventual"] as const)(
  "a load of %ss with a failure is no measurement",
  async (operation) => {
    let calls = 0;
    const operate = async () => {
      calls += 1;
      if (calls === 50) throw new Error("the fiftieth fails");
    };
    const load = runLoad(operate, [new Uint8Array(8)], new Latencies(1000), {
      operation,
      callers: 7,
      durationMs: 60_000,
    });
    await expect(load).rejects.toThrow("the fiftieth fails");
  },
);

it("a load of reads that need no message lets timers run", async () => {
  let ticks = 0;
  const timer = setInterval(() => {
    ticks += 1;
  }, 1);
  try {
    await runLoad(async () => undefined, [new Uint8Array(8)], new Latencies(100_000), {
      operation: "eventual",
      callers: 100,
      durationMs: 200,
    });
  } finally {
    clearInterval(timer);
  }
  expect(ticks).toBeGreaterThan(0);
});
