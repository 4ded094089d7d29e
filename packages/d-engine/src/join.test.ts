import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort } from "../../server/test/free-port.js";
import type { EmbeddedEngine, EngineConfig } from "./embedded-engine.js";
import { engineIn, temporaryDirectory } from "./testing/engine-in.js";

function start({ dataDir, ...config }: EngineConfig): Promise<EmbeddedEngine> {
  return engineIn(dataDir, { electionTimeoutMs: 300, heartbeatIntervalMs: 50, ...config });
}

const voters = (engine: EmbeddedEngine) =>
  engine.localNode.membership.configuration.members
    .filter(({ status }) => status === "active")
    .map(({ id }) => id);

async function until(what: () => boolean): Promise<void> {
  await expect.poll(what, { timeout: 15_000, interval: 20 }).toBe(true);
}

describe("join", () => {
  it("grows one node to three voters, under writes of which none fails", async () => {
    const base = temporaryDirectory();
    const at: string[] = [];
    for (let id = 1; id <= 3; id += 1) at.push(`127.0.0.1:${await freePort()}`);
    const first = await start({ dataDir: join(base, "1"), listen: at[0], nodeId: 1 });
    await first.waitReady();
    const client = first.client();
    let growing = true;
    let written = 0;
    const writing = (async () => {
      for (; growing; written += 1) await client.put(`key-${written}`, "1");
    })();
    const lines: string[] = [];
    const say = (line: string) => lines.push(line);
    const logger = { debug: say, info: say, warn: say, error: say };
    const second = await start({
      dataDir: join(base, "2"),
      listen: at[1],
      nodeId: 2,
      join: at.slice(0, 1),
      logger,
    });
    // Asked through the second, which does not lead.
    const third = await start({ dataDir: join(base, "3"), listen: at[2], nodeId: 3, join: at[1] });
    const engines = [first, second, third];
    await until(() => engines.every((engine) => voters(engine).length === 3));
    growing = false;
    await writing;
    expect(written).toBeGreaterThan(0);
    const last = `key-${written - 1}`;
    expect(await third.client().getString(last, { consistency: "linearizable" })).toBe("1");
    expect(new Set(engines.map(({ identity }) => identity.clusterId)).size).toBe(1);
    expect(third.identity.joinedAt).toBeGreaterThan(second.identity.joinedAt);
    expect(lines).toContainEqual(expect.stringMatching(/^joined: node 2 is a learner as of/));
    expect(await readdir(join(base, "2"))).not.toContain(".pending-join");

    const watch = first.watchMembership();
    expect((await watch.next()).value).toMatchObject({ members: [1, 2, 3], learners: [] });
    await second.close();
    const again = { dataDir: join(base, "2"), listen: at[1], nodeId: 2, join: at[0], logger };
    const back = await start(again);
    await until(() => back.leaderInfo !== undefined);
    expect(lines).toContainEqual(expect.stringMatching(/^join is ignored/));
  }, 40_000);

  it("is repeated as the same node after a crash between answer and identity", async () => {
    const base = temporaryDirectory();
    const at = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    // What a leader gives a removed node to hear of it, however busy the machine is.
    const electionTimeoutMs = 3_000;
    const founding = { dataDir: join(base, "1"), listen: at[0], nodeId: 1, electionTimeoutMs };
    const first = await start(founding);
    await first.waitReady();
    const config = { dataDir: join(base, "2"), listen: at[1], nodeId: 2, join: at[0] };
    await mkdir(config.dataDir);
    await writeFile(join(config.dataDir, ".pending-join"), "a".repeat(32));
    await first.localNode.membership.change({
      kind: "addNode",
      nodeId: 2 as typeof first.identity.nodeId,
      address: at[1] ?? "",
      status: "readOnly",
    });
    const watch = first.watchMembership();
    expect((await watch.next()).value).toEqual({ members: [1], learners: [2], committedIndex: 3 });
    const second = await start({ ...config, joinAs: "readOnly" });
    expect(second.identity.instanceId).toBe("a".repeat(32));
    await until(() => second.leaderInfo?.leaderId === 1);
    const removal = { kind: "removeNode", nodeId: second.identity.nodeId } as const;
    const next = watch.next();
    await first.localNode.membership.change(removal);
    expect((await next).value).toMatchObject({ members: [1], learners: [] });
    expect(await second.closed).toMatchObject({ code: "NODE_REMOVED" });
    await expect(start({ ...config, joinAs: "readOnly" })).rejects.toMatchObject({
      code: "NODE_REMOVED",
      message: expect.stringContaining("delete its data directory"),
    });
    const rest = watch.next();
    await first.close();
    expect(await rest).toEqual({ done: true, value: undefined });
  }, 20_000);

  it("begins with the leader's newest snapshot, after a crash on the way too", async () => {
    const base = temporaryDirectory();
    const at = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const first = await start({ dataDir: join(base, "1"), listen: at[0], nodeId: 1 });
    await first.waitReady();
    for (const key of ["a", "b", "c"]) await first.client().put(key, "1");
    const { lastIncluded } = await first.admin.saveSnapshot();
    await first.client().put("d", "1");
    const lines: string[] = [];
    const crash = new AbortController();
    const say = (line: string): void => {
      lines.push(line);
      if (line.startsWith("joined:")) crash.abort(new Error("crashed"));
    };
    const logger = { debug: say, info: say, warn: say, error: say };
    const config = { dataDir: join(base, "2"), listen: at[1], nodeId: 2, join: at[0], logger };
    await expect(start({ ...config, signal: crash.signal })).rejects.toThrow("crashed");
    const second = await start(config);
    expect(second.metrics().snapshotIndex).toBe(lastIncluded.index);
    expect(lines).toContainEqual(
      expect.stringContaining(`pulled 100 % of the snapshot at ${lastIncluded.index}`),
    );
    await until(() => voters(second).includes(2 as never) || voters(second).length === 1);
    const read = second.client().getString("d", { consistency: "linearizable" });
    expect([await read, second.client().getLocal("a")]).toEqual(["1", Uint8Array.of(49)]);
  }, 20_000);

  it("refuses a directory under an id that another one has (scenario 35)", async () => {
    const base = temporaryDirectory();
    const at = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const first = await start({ dataDir: join(base, "1"), listen: at[0], nodeId: 1 });
    await first.waitReady();
    const config = { listen: at[1], nodeId: 2, join: at[0], joinAs: "readOnly" } as const;
    const second = await start({ ...config, dataDir: join(base, "2") });
    await second.close();
    await expect(start({ ...config, dataDir: join(base, "wiped") })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringContaining("d-engine member remove 2"),
    });
  }, 20_000);

  it.each([
    { name: "no address", config: {}, says: "does not listen" },
    { name: "a port of chance", config: { listen: "127.0.0.1:0" }, says: "no address to call" },
    {
      name: "initialCluster beside it",
      config: { listen: "127.0.0.1:9081", initialCluster: "1=127.0.0.1:9081" },
      says: "exclude each other",
    },
    { name: "a bad endpoint", config: { listen: "127.0.0.1:9081", join: "x" }, says: '"x" is not' },
  ])("refuses $name", async ({ config, says }) => {
    const dataDir = temporaryDirectory();
    const asked = { dataDir, nodeId: 1, join: "127.0.0.1:9081", ...config };
    await expect(start(asked)).rejects.toMatchObject({ message: expect.stringContaining(says) });
  });
});
