import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEngine } from "./embedded-engine.js";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "admin-port-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const settings = { segmentBytes: 4 * 1024 * 1024, adminListen: "127.0.0.1:0" };

describe("the port for operators", () => {
  it("tells liveness, readiness and role, and ends with the engine", async () => {
    const engine = await EmbeddedEngine.start({ dataDir, ...settings });
    await engine.waitReady();
    const base = `http://${engine.adminAddress}`;
    const health = await fetch(`${base}/health`);
    expect(health.status).toBe(200);
    expect(await health.json()).toMatchObject({
      live: true,
      ready: true,
      role: "leader",
      leader: 1,
      reasons: [],
    });
    const statuses = await Promise.all(
      ["/health/live", "/health/ready", "/primary", "/replica", "/nothing"].map(async (path) => {
        const response = await fetch(`${base}${path}`);
        await response.text();
        return response.status;
      }),
    );
    expect(statuses).toEqual([200, 200, 200, 503, 404]);
    expect((await fetch(`${base}/health`, { method: "POST" })).status).toBe(405);
    await engine.close();
    await expect(fetch(`${base}/health`)).rejects.toThrow();
  });

  it.each(["//:bad", "//[", "http://[::x", "*", "/%", `/${"x".repeat(7_000)}`, "/metrics?x"])(
    "answers whatever is asked, and the node lives: %s (scenario 78)",
    async (target) => {
      await using engine = await EmbeddedEngine.start({ dataDir, ...settings });
      await engine.waitReady();
      const [host, port] = engine.adminAddress!.split(":");
      const status = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(port), host, () => {
          socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        });
        let answer = "";
        socket.on("data", (bytes) => {
          answer += bytes.toString();
        });
        socket.on("error", reject);
        socket.on("close", () => resolve(answer.split(" ")[1] ?? ""));
      });
      expect(status).toBe(target.startsWith("/metrics") ? "200" : "404");
      expect(engine.state).toBe("running");
    },
  );

  it("shows what the node did in the text of Prometheus", async () => {
    await using engine = await EmbeddedEngine.start({ dataDir, ...settings });
    await engine.waitReady();
    await using client = engine.client();
    for (let n = 0; n < 5; n++) await client.put(`k${n}`, "v");
    await client.get("k1", { consistency: "linearizable" });
    const read = async (): Promise<ReadonlyMap<string, number>> => {
      const text = await (await fetch(`http://${engine.adminAddress}/metrics`)).text();
      const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
      return new Map(
        samples.map((line) => {
          const at = line.lastIndexOf(" ");
          const name = line.slice(0, at).replace(/,?(node|cluster)="[^"]*"/g, "");
          return [name.replace("{}", "").replace("{,", "{"), Number(line.slice(at + 1))];
        }),
      );
    };
    const metrics = await read();
    const expected = {
      'd_engine_role{role="leader"}': 1,
      'd_engine_role{role="follower"}': 0,
      d_engine_leader_ready: 1,
      d_engine_keys: 5,
      d_engine_revision: 5,
      'd_engine_reads_total{level="linearizable"}': 1,
      d_engine_proposals_pending: 0,
      d_engine_watches: 0,
    };
    for (const [name, value] of Object.entries(expected)) {
      expect([name, metrics.get(name)]).toEqual([name, value]);
    }
    expect(metrics.get("d_engine_sync_duration_seconds_count")).toBeGreaterThan(0);
    expect(metrics.get("nodejs_eventloop_lag_p99_seconds")).toBeDefined();
    expect(metrics.get("process_resident_memory_bytes")).toBeGreaterThan(0);
    await client.put("k9", "v");
    const later = await read();
    const grown = (name: string) => later.get(name)! - metrics.get(name)!;
    expect(grown("d_engine_keys")).toBe(1);
    expect(grown("d_engine_proposals_total")).toBe(1);
    expect(grown("d_engine_commit_duration_seconds_count")).toBe(1);
    expect(grown('d_engine_commit_duration_seconds_bucket{le="+Inf"}')).toBe(1);
  });

  it("says what is wrong with its address, and leaves nothing open", async () => {
    await using first = await EmbeddedEngine.start({ dataDir, ...settings });
    const other = mkdtempSync(join(tmpdir(), "admin-port-"));
    const start = EmbeddedEngine.start({
      ...settings,
      dataDir: other,
      adminListen: first.adminAddress!,
    });
    await expect(start).rejects.toMatchObject({
      code: "INVALID_ADDRESS",
      message: `cannot listen at ${first.adminAddress} for operators: the port is in use`,
    });
    await using second = await EmbeddedEngine.start({ dataDir: other, ...settings });
    expect(second.state).toBe("running");
    await second.close();
    rmSync(other, { recursive: true, force: true });
  });
});
