import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { connect } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { CommandProcess, NodeProcesses } from "./node-processes.js";

const launcher = join(import.meta.dirname, "../bin/d-engine.js");

describe("d-engine watch", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "goes on until %s, and ends with code 0",
    async (signal) => {
      await using nodes = await NodeProcesses.of(1);
      await nodes.found([1]);
      const endpoints = nodes.addresses().join(",");
      const watch = new CommandProcess(["watch", "w", "--progress", "--endpoints", endpoints]);
      await watch.says(/^progress\t0\n/);
      await using client = await connect(nodes.addresses());
      await client.put("w", "1");
      await watch.says(/put\t1\tw\t1\n/);
      expect(await watch.kill(signal)).toMatchObject({ status: 0, stderr: "" });
    },
  );

  it("ends when nobody reads it any more", async () => {
    await using nodes = await NodeProcesses.of(1);
    await nodes.found([1]);
    await using client = await connect(nodes.addresses());
    await client.put("w", "1");
    const script = `"${launcher}" watch w --rev 1 -e ${nodes.addresses()} | head -n 1`;
    const piped = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "pipe"] });
    let written = "";
    for (const stream of [piped.stdout, piped.stderr]) {
      stream.on("data", (text) => {
        written += text;
      });
    }
    await once(piped.stdout, "data");
    // Every change is one that it wants to tell to nobody.
    while (piped.exitCode === null) await client.put("w", "2");
    expect([piped.exitCode, written]).toEqual([0, "put\t1\tw\t1\n"]);
  });

  it("goes on without gap or repeat when its node is killed and comes back", async () => {
    await using nodes = await NodeProcesses.of(1);
    await nodes.found([1]);
    const endpoints = nodes.addresses().join(",");
    const args = ["--prefix", "--count", "4", "--timeout", "30000", "--endpoints", endpoints];
    const watch = new CommandProcess(["watch", "w/", "--progress", ...args]);
    await watch.says(/^progress\t0\n/);
    for (const round of [0, 1]) {
      await using client = await connect(nodes.addresses(), { readyTimeoutMs: 20_000 });
      for (const key of ["w/a", "w/b"]) await client.put(key, String(round));
      if (round === 0) {
        await nodes.crash([1]);
        await nodes.start(1, "--initial-cluster", nodes.initialCluster([1])).ready();
      }
    }
    const { status, stdout } = await watch.ended;
    const changes = stdout.split("\n").filter((line) => line.startsWith("put"));
    expect(status).toBe(0);
    expect(changes).toEqual([
      "put\t1\tw/a\t0",
      "put\t2\tw/b\t0",
      "put\t3\tw/a\t1",
      "put\t4\tw/b\t1",
    ]);
  }, 60_000);
});

describe("d-engine lease keep-alive", () => {
  it("keeps a lease over its time until it is stopped; then it ends", async () => {
    await using nodes = await NodeProcesses.of(1);
    await nodes.found([1]);
    const endpoints = ["--endpoints", nodes.addresses().join(",")];
    const client = await connect(nodes.addresses());
    const lease = await client.grantLease(2_000, { id: 7 });
    await client.put("k", "v", { lease });
    const watch = new CommandProcess(["watch", "k", "--rev", "1", "--count", "2", ...endpoints]);
    const keeper = new CommandProcess(["lease", "keep-alive", "7", ...endpoints]);
    await keeper.says(/kept lease 7 alive for 2000 ms\n/);
    await client.close();
    // Each comes a third of its time after the one before.
    await keeper.says(/(?:kept lease 7 alive for 2000 ms\n){6}/);
    expect(watch.stdout).toBe("put\t1\tk\tv\n");
    expect(await keeper.kill("SIGTERM")).toMatchObject({ status: 0, stderr: "" });
    expect((await watch.ended).stdout).toBe("put\t1\tk\tv\ndelete\t2\tk\n");
  });
});
