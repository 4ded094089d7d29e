import { rmSync } from "node:fs";
import { connect, connectAdmin, type EngineClient, isEngineError } from "@d-engine/client";
import { describe, expect, it } from "vitest";
import { NodeProcesses } from "./node-processes.js";

const readyTimeoutMs = 30_000;

/** Ids of the voters, of a joint configuration those of both halves. */
async function voters(nodes: NodeProcesses): Promise<number[]> {
  await using admin = connectAdmin(nodes.addresses(), { timeoutMs: 2_000 });
  const { members } = await admin.members();
  return members.filter(({ status }) => status === "active").map(({ id }) => id);
}

async function untilVoters(nodes: NodeProcesses, ids: readonly number[]): Promise<void> {
  const found = () => voters(nodes).catch((error: Error) => error.message);
  await expect.poll(found, { timeout: 40_000, interval: 20 }).toEqual(ids);
}

describe("a node that was wiped (scenario 35)", () => {
  it("is refused under its old id with the way out, which works", async () => {
    await using nodes = await NodeProcesses.of(3);
    await nodes.found([1, 2, 3]);
    await using client = await connect(nodes.addresses([1, 2]), { readyTimeoutMs });
    await client.put("k", "v");
    await nodes.crash([3]);
    rmSync(nodes.dataDir(3), { recursive: true });
    const join = ["--join", nodes.addresses([1, 2]).join(",")];
    const refused = await nodes.start(3, ...join).ended;
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/^d-engine: .*"d-engine member remove 3", then start it again/m);
    const endpoints = ["--endpoints", nodes.addresses([1, 2]).join(",")];
    const removed = await nodes.run("member", "remove", "3", ...endpoints);
    expect(removed).toMatchObject({ status: 0, stderr: "" });
    rmSync(nodes.dataDir(3), { recursive: true });
    await nodes.start(3, ...join).ready();
    await untilVoters(nodes, [1, 2, 3]);
    await using back = await connect(nodes.addresses([3]), { readyTimeoutMs });
    expect(await back.getString("k", { consistency: "linearizable" })).toBe("v");
  }, 120_000);
});

describe("a node that joins", () => {
  it("asks on until the cluster is there", async () => {
    await using nodes = await NodeProcesses.of(2);
    const early = nodes.start(2, "--join", nodes.addresses([1]).join(","), "--log-level", "info");
    await expect.poll(() => early.stderr, { timeout: 20_000 }).toMatch(/joining, asking again/);
    await nodes.found([1]);
    await early.ready();
    await untilVoters(nodes, [1]);
  }, 60_000);
});

describe("a node that was removed", () => {
  it("says so and stops, and does not start again", async () => {
    await using nodes = await NodeProcesses.of(2);
    await nodes.found([1]);
    const joining = ["--join", nodes.addresses([1]).join(","), "--join-as", "read-only"];
    const learner = await nodes.start(2, ...joining).ready();
    const endpoints = ["--endpoints", nodes.addresses([1]).join(",")];
    expect((await nodes.run("member", "remove", "2", ...endpoints)).status).toBe(0);
    for (const { status, stderr } of [await learner.ended, await nodes.start(2).ended]) {
      expect(status).toBe(1);
      expect(stderr).toMatch(/^d-engine: node 2 was removed .*delete its data directory/m);
    }
  }, 60_000);

  it.each(["learner", "voter"])(
    "learns of it as a %s that was away then",
    async (kind) => {
      await using nodes = await NodeProcesses.of(3);
      const isVoter = kind === "voter";
      await nodes.found(isVoter ? [1, 2, 3] : [1]);
      const joining = ["--join", nodes.addresses([1]).join(","), "--join-as", "read-only"];
      if (!isVoter) await nodes.start(3, ...joining).ready();
      await nodes.crash([3]);
      const endpoints = ["--endpoints", nodes.addresses([1]).join(",")];
      expect(await nodes.run("member", "remove", "3", ...endpoints)).toMatchObject({ status: 0 });
      const { status, stderr } = await nodes.start(3).ended;
      expect(status).toBe(1);
      // By another member, or by a snapshot that the leader sends as long as it still knows the node.
      const told = /^d-engine: .*node 3 was removed .*(as another member says|or before)/m;
      expect(stderr).toMatch(told);
    },
    60_000,
  );
});

describe("a restart of every node in the middle of a joint change", () => {
  it("loses no acknowledged write, and the change is finished or undone (scenario 26)", async () => {
    await using nodes = await NodeProcesses.of(5);
    const all = [1, 2, 3, 4, 5];
    await nodes.found(all);
    const load = new Load(await connect(nodes.addresses(), { readyTimeoutMs }));
    await using admin = connectAdmin(nodes.addresses());
    const { leaderId } = await admin.members();
    const staying = all.filter((id) => id !== leaderId);
    const [one, two, three] = staying as [number, number, number];
    // With three of five away neither half decides: the change can begin, and not end.
    await load.until(20);
    for (const id of [one, two, three]) nodes.signal(id, "SIGSTOP");
    const removal = admin.removeMember([one, two], { timeoutMs: 500 }).catch((error) => error);
    expect(isEngineError(await removal, "OUTCOME_UNKNOWN"), String(await removal)).toBe(true);
    await nodes.crash(all);
    const restarted = all.map((id) => nodes.start(id));
    await settled(() => admin.removeMember([one, two]));
    for (const id of [one, two]) {
      const { stderr } = await restarted[id - 1]!.ended;
      expect(stderr).toMatch(/was removed .*delete its data directory/);
    }
    await load.until(load.acknowledged + 20);

    // And back: the second that has caught up makes two voters at once.
    const rest = all.filter((id) => id !== one && id !== two);
    const join = ["--join", nodes.addresses(rest).join(",")];
    for (const id of [one, two]) {
      rmSync(nodes.dataDir(id), { recursive: true });
      nodes.start(id, ...join);
    }
    const grown = async () => (await voters(nodes).catch(() => [])).length;
    await expect.poll(grown, { timeout: 40_000, interval: 1 }).toBe(5);
    await nodes.crash(all);
    for (const id of all) nodes.start(id, ...(id === one || id === two ? join : []));
    await untilVoters(nodes, all);
    await load.until(load.acknowledged + 20);
    await load.end();
  }, 180_000);
});

/**
 * Asks for a removal until it is done, by this call or before. One that was under way when all nodes
 * ended is finished by the next leader, or gone for good.
 */
async function settled(remove: () => Promise<unknown>): Promise<void> {
  const attempt = async (): Promise<string> => {
    try {
      await remove();
      return "done";
    } catch (error) {
      if (!isEngineError(error)) throw error;
      return error.message.includes("is not a member") ? "done" : error.message;
    }
  };
  await expect.poll(attempt, { timeout: 40_000, interval: 100 }).toBe("done");
}

/** Writes all the time; what was acknowledged must be there in the end. */
class Load {
  acknowledged = 0;
  readonly #client: EngineClient;
  readonly #keys: string[] = [];
  #running = true;
  readonly #writing: Promise<void>;

  constructor(client: EngineClient) {
    this.#client = client;
    this.#writing = this.#write();
  }

  async until(count: number): Promise<void> {
    await expect.poll(() => this.acknowledged >= count, { timeout: 40_000 }).toBe(true);
  }

  async end(): Promise<void> {
    this.#running = false;
    await this.#writing;
    const { entries } = await this.#client.scanPrefix("load/");
    const found = new Set(entries.map(({ key }) => Buffer.from(key).toString()));
    expect(this.#keys.filter((key) => !found.has(key))).toEqual([]);
    await this.#client.close();
  }

  async #write(): Promise<void> {
    for (let number = 0; this.#running; number += 1) {
      const key = `load/${number}`;
      try {
        await this.#client.put(key, "1");
      } catch (error) {
        if (!isEngineError(error)) throw error;
        continue;
      }
      this.#keys.push(key);
      this.acknowledged += 1;
    }
  }
}
