import { CONNECT_DEFAULTS, type TransportAnswer, type TransportRequest } from "@d-engine/client";
import { encodePut, Slab } from "@d-engine/codec";
import { beforeEach, describe, expect, it } from "vitest";
import { Cluster } from "../cluster/cluster.js";
import { Prng } from "../prng.js";
import type { ClusterPlan } from "../swarm/plan.js";
import { SimulatedTransport } from "./simulated-transport.js";

const plan: ClusterPlan = {
  seed: 1,
  voters: 3,
  learners: 0,
  raft: {
    electionTimeoutMs: 300,
    heartbeatIntervalMs: 30,
    appendEntriesMax: 64,
    inflightMessagesMax: 8,
    logCacheBytes: 1024 * 1024,
  },
  network: { latencyMs: 5, jitterMs: 1, reorder: false },
  disk: { syncMs: 1, segmentBytes: 64 * 1024 },
  stallChance: 0,
};

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const put = (value: string): TransportRequest => ({
  kind: "write",
  command: encodePut(new Slab(), bytes("k"), bytes(value)),
});
const read: TransportRequest = { kind: "read", keys: [bytes("k")], consistency: "linearizable" };

let cluster: Cluster<ClusterPlan>;
let transport: SimulatedTransport;
let leader: number;

const transportAt = (place: number) =>
  new SimulatedTransport({ cluster, name: "client", place, random: new Prng(9) });
const addressOf = (id: number) => cluster.node(id).address;
const follower = () => (leader % 3) + 1;

beforeEach(async () => {
  cluster = new Cluster(plan);
  for (const node of cluster.nodes) node.start();
  const ready = () => cluster.leader?.driver?.status().leaderReady === true;
  expect(await cluster.world.run(10_000, ready)).toBe(true);
  leader = cluster.leader!.id;
  transport = transportAt(0);
});

/** Calls, lets the world go on until there is an answer, and says how long that took. */
async function ask(
  request: TransportRequest,
  {
    to = leader,
    timeoutMs = 5_000,
    signal = undefined as AbortSignal | undefined,
    meanwhile = undefined as (() => void) | undefined,
  } = {},
): Promise<{ answer: TransportAnswer; tookMs: number }> {
  const startMs = cluster.world.nowMs;
  let answer: TransportAnswer | undefined;
  void transport.call(addressOf(to), request, { timeoutMs, signal }).then((given) => {
    answer = given;
  });
  meanwhile?.();
  await cluster.world.run(startMs + 60_000, () => answer !== undefined);
  expect(cluster.witness.violation).toBeUndefined();
  return { answer: answer!, tookMs: cluster.world.nowMs - startMs };
}

const failure = (kind: string) => ({ kind: "failed", failure: { kind } });

describe("SimulatedTransport (R21)", () => {
  it("brings answers, a way there and back later", async () => {
    const { answer, tookMs } = await ask(put("1"));
    expect(answer).toMatchObject({ kind: "answered", result: { succeeded: true, revision: 1 } });
    expect(tookMs).toBeGreaterThan(10);
    expect((await ask(read)).answer).toEqual({ kind: "answered", result: [bytes("1")] });
    const scan: TransportRequest = { kind: "scan", prefix: bytes(""), consistency: undefined };
    expect((await ask(scan)).answer).toEqual({
      kind: "answered",
      result: { entries: [{ key: bytes("k"), value: bytes("1") }], revision: 1 },
    });
  });

  it("tells who leads, from every node", async () => {
    await cluster.world.run(cluster.world.nowMs + 1_000);
    for (const to of [1, 2, 3]) {
      const { answer } = await ask({ kind: "metadata" }, { to });
      expect(answer).toMatchObject({ kind: "answered", result: { leaderId: leader } });
    }
  });

  it("brings refusals with their code and the leader", async () => {
    await cluster.world.run(cluster.world.nowMs + 1_000);
    const { answer } = await ask(put("1"), { to: follower() });
    expect(answer).toMatchObject({
      kind: "failed",
      failure: { kind: "refused", code: "NOT_LEADER", leader: { address: addressOf(leader) } },
    });
  });

  it("says unreachable of a node that is down, and of one that is cut off from the start", async () => {
    cluster.node(leader).crash("process");
    expect((await ask(put("1"))).answer).toMatchObject(failure("unreachable"));
    cluster.network.cut(0, follower());
    const { answer, tookMs } = await ask(put("1"), { to: follower() });
    expect(answer).toMatchObject(failure("unreachable"));
    expect(tookMs).toBeCloseTo(500, 0);
  });

  it("says lost when the node dies with the call", async () => {
    const meanwhile = () => {
      cluster.world.schedule(9, () => cluster.node(leader).crash("process"));
    };
    expect((await ask(put("1"), { meanwhile })).answer).toMatchObject(failure("lost"));
  });

  it("says lost of a connection that went silent, though the write was executed", async () => {
    await ask(read);
    const meanwhile = () => {
      cluster.world.schedule(9, () => cluster.network.cut(leader, 0));
    };
    const { answer, tookMs } = await ask(put("kept"), { meanwhile });
    expect(answer).toMatchObject(failure("lost"));
    expect(tookMs).toBeGreaterThan(CONNECT_DEFAULTS.silenceTimeoutMs);
    cluster.network.heal();
    expect((await ask(read)).answer).toEqual({ kind: "answered", result: [bytes("kept")] });
  });

  it("breaks connections where messages are lost, before or after the write was executed", async () => {
    let executed = 0;
    let not = 0;
    for (let i = 1; i <= 20; i += 1) {
      cluster.network.faults.lossRate = 0.5;
      const lost = (await ask(put(String(i)))).answer.kind === "failed";
      cluster.network.heal();
      const { answer } = await ask(read);
      const there =
        answer.kind === "answered" &&
        JSON.stringify(answer) ===
          JSON.stringify({
            kind: "answered",
            result: [bytes(String(i))],
          });
      if (lost && there) executed += 1;
      if (lost && !there) not += 1;
      expect(lost || there).toBe(true);
    }
    expect(executed).toBeGreaterThan(0);
    expect(not).toBeGreaterThan(0);
  });

  it("ends a call at its deadline while the node stands still", async () => {
    cluster.node(leader).process?.pause(2_000);
    const { answer, tookMs } = await ask(put("1"), { timeoutMs: 300 });
    expect(answer).toMatchObject(failure("deadline"));
    expect(tookMs).toBeCloseTo(300, 6);
  });

  it("ends a call at once when its caller aborts, or has", async () => {
    const controller = new AbortController();
    const meanwhile = () => {
      cluster.world.schedule(3, () => controller.abort());
    };
    const { answer, tookMs } = await ask(put("1"), { signal: controller.signal, meanwhile });
    expect(answer).toMatchObject(failure("aborted"));
    expect(tookMs).toBeCloseTo(3, 6);
    const again = await ask(put("1"), { signal: controller.signal });
    expect(again.answer).toMatchObject(failure("aborted"));
  });

  it("is cut off together with the node at whose place it is", async () => {
    transport = transportAt(follower());
    cluster.network.cut(follower(), leader);
    expect((await ask(read)).answer).toMatchObject(failure("unreachable"));
  });

  it("breaks what is under way when it is closed, and takes nothing more", async () => {
    await ask(read);
    const meanwhile = () => {
      cluster.world.schedule(8, () => void transport.close());
    };
    expect((await ask(put("1"), { meanwhile })).answer).toMatchObject(failure("lost"));
    expect((await ask(read)).answer).toMatchObject(failure("unreachable"));
  });
});
