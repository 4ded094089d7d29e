import type { NodeId } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import type { SimulatedNode } from "../cluster/simulated-node.js";
import { Script, snapshotPlan, type Told } from "../testing/script.js";

const ids = (...numbers: readonly number[]) => numbers as unknown as readonly NodeId[];
const remove = (node: SimulatedNode) =>
  ({ kind: "removeNode", nodeId: node.id as NodeId }) as const;
const add = (node: SimulatedNode, status: "promotable" | "readOnly" = "promotable") =>
  ({ kind: "addNode", nodeId: node.id as NodeId, address: node.address, status }) as const;
const ended = ({ status }: Told) => status !== "pending";

async function told(script: Script, call: Told): Promise<string> {
  await script.until("an answer", () => ended(call));
  return call.status;
}

describe("changes of the members under faults", () => {
  it("scenarios 20 and 27: an uncommitted change goes back with its entry, on the disk too", async () => {
    const script = await Script.start({ spares: 1 });
    const leader = await script.leader();
    const before = script.members(leader);
    const others = script.others(leader, script.node(4));
    script.separate([leader], others);
    const call = script.change(leader, add(script.node(4)));
    await script.advance(20);
    expect(script.members(leader)).toBe(`${before}, 4 promotable`);
    const next = await script.leader(others);
    await script.fill(next, 3);
    script.cluster.network.heal();
    expect(await told(script, call)).toBe("PROPOSE_FAILED rejected");
    expect(script.members(leader)).toBe(before);
    const { last } = script.status(leader);
    await script.until("the disk", () => leader.mirror.durable.holds(last.index, last.term));
    leader.crash("power");
    leader.start();
    await script.until("recovery", () => leader.kv !== undefined);
    expect(script.members(leader)).toBe(before);
    await script.end();
  });

  it("scenario 25: a leader changes nothing before its own term has committed", async () => {
    const script = await Script.startCalm({ voters: 4, spares: 1 });
    const first = await script.leader();
    const others = script.others(first, script.node(5));
    const [second, third, fourth] = others as [SimulatedNode, SimulatedNode, SimulatedNode];
    // Of four voters the first leader loses two, and one more it wants to add.
    script.separate([first], others);
    const lost = script.change(first, add(script.node(5)));
    const next = await script.leader(others);
    const free = script.gate.drop(
      ({ from, message }) => from === next.id && message.kind === "appendEntries",
    );
    script.cluster.network.heal();
    next.crash("process");
    free();
    const rest = [second, third, fourth].filter((node) => node !== next);
    const drop = script.gate.drop(({ message }) => {
      return message.kind === "appendEntriesResponse";
    });
    await script.until("a leader", () =>
      [first, ...rest].some((node) => node.driver?.status().role === "leader"),
    );
    const leader = script.cluster.leader!;
    const early = script.change(leader, remove(rest.find((node) => node !== leader)!));
    expect(await told(script, early)).toBe("CLUSTER_UNAVAILABLE rejected");
    drop();
    next.start();
    expect(await told(script, lost)).not.toBe("pending");
    await script.end();
  });

  it.each(["process", "power"] as const)(
    "scenario 26: a joint change ends whatever step the %s of its leader ends in",
    async (how) => {
      for (let step = 0; step < 12; step += 1) {
        const script = await Script.startCalm({ voters: 5, seed: step + 1 });
        const leader = await script.leader();
        const [first, second, ...rest] = script.others(leader);
        const leaving = ids(first!.id, second!.id);
        script.change(leader, { kind: "batchRemove", nodeIds: leaving });
        await script.advance(step * 0.7);
        leader.crash(how);
        await script.advance(20 * script.electionTimeoutMs);
        leader.start();
        const next = await script.leader(rest.concat(leader));
        await script.until("the end of the change", () => !script.status(next).changeOutstanding);
        expect(script.status(next).configuration.outgoingVoters).toBeUndefined();
        expect([3, 5]).toContain(script.status(next).configuration.members.length);
        await script.end();
      }
    },
  );

  it("scenario 28: a snapshot holds the members as of its entry, not those appended since", async () => {
    const script = await Script.startCalm({ ...snapshotPlan, spares: 1 });
    const leader = await script.leader();
    await script.fill(leader, 5);
    const before = script.members(leader);
    script.separate([leader], script.others(leader));
    script.change(leader, add(script.node(4)));
    await script.advance(5);
    const saved = script.tell(async () => String((await leader.driver!.saveSnapshot()).bytes));
    expect(await told(script, saved)).toBe("ok");
    leader.crash("power");
    const next = await script.leader(script.others(leader, script.node(4)));
    await script.fill(next, 60);
    script.cluster.network.heal();
    leader.start();
    const hasAll = () => leader.kv?.store.lastApplied === script.status(next).last.index;
    await script.until("catching up", hasAll);
    expect(script.members(leader)).toBe(before);
    await script.end();
  });

  it("scenario 29: a removed leader hands over and stops; one cut off disturbs nobody", async () => {
    const script = await Script.startCalm({ voters: 5 });
    const leader = await script.leader();
    const [away, ...rest] = script.others(leader);
    script.separate([away!], [leader, ...rest]);
    expect(await told(script, script.change(leader, remove(away!)))).toBe("ok");
    const call = script.change(leader, remove(leader));
    expect(await told(script, call)).toBe("ok");
    // Nobody has to miss it first.
    const leads = () => rest.find((node) => node.driver?.status().leaderReady === true);
    await script.until("another leader", () => leads() !== undefined, script.electionTimeoutMs / 2);
    const next = leads()!;
    await script.until("its end", () => leader.isRemoved);
    await script.advance(5 * script.electionTimeoutMs);
    const { term } = script.status(next);
    script.cluster.network.heal();
    await script.advance(20 * script.electionTimeoutMs);
    expect(script.status(next)).toMatchObject({ role: "leader", term });
    await script.end();
  });

  it("scenario 30: down to one voter and up again; half of two voters is never a quorum", async () => {
    const script = await Script.startCalm();
    const leader = await script.leader();
    const [second, third] = script.others(leader);
    expect(await told(script, script.change(leader, remove(third!)))).toBe("ok");
    second!.crash("process");
    await script.advance(1.5 * script.electionTimeoutMs);
    const blocked = script.put(leader, "x", "1", 1_000);
    expect(await told(script, blocked)).not.toBe("ok");
    second!.start();
    const again = await script.leader();
    const other = again === leader ? second! : leader;
    expect(await told(script, script.change(again, remove(other)))).toBe("ok");
    await script.until("its end", () => other.isRemoved);
    const alone = script.put(again, "x", "2");
    expect(await told(script, alone)).toBe("ok");
    await script.join(third!.id);
    await script.join(other.id);
    const three = () => /^1 active, 2 active, 3 active$/.test(script.members(again));
    await script.until("three voters", three);
    await script.end();
  });

  it("scenario 31: commits never wait for a node that was added and does not answer", async () => {
    const script = await Script.start({ spares: 1 });
    const leader = await script.leader();
    const ghost = script.node(4);
    expect(await told(script, script.change(leader, add(ghost)))).toBe("ok");
    await script.fill(leader, 20);
    const nodeId = ghost.id as NodeId;
    const promotion = script.change(leader, { kind: "promoteLearner", nodeId, status: "active" });
    expect(await told(script, promotion)).toBe("LEARNER_NOT_READY rejected");
    await script.end();
  });

  it("scenario 32: a learner votes that does not know yet of its promotion", async () => {
    const script = await Script.startCalm({ spares: 1, raft: { ...raft, autoPromote: false } });
    const fourth = await script.join(4);
    const leader = await script.leader();
    const caughtUp = () => fourth.kv?.store.lastApplied === script.status(leader).last.index;
    await script.until("catching up", caughtUp);
    await script.advance(100);
    const drop = script.gate.drop(({ to, message }) => {
      return to === fourth.id && message.kind === "appendEntries";
    });
    const nodeId = fourth.id as NodeId;
    const call = script.change(leader, { kind: "promoteLearner", nodeId, status: "active" });
    expect(await told(script, call)).toBe("ok");
    expect(script.members(fourth)).toContain("4 promotable");
    leader.crash("process");
    const others = script.others(leader, fourth);
    await script.until("a leader", () =>
      others.some((node) => node.driver?.status().role === "leader"),
    );
    drop();
    await script.end();
  });

  it("scenario 33: a snapshot makes a learner of a voter that is campaigning", async () => {
    const script = await Script.startCalm({ ...snapshotPlan, voters: 4 });
    const leader = await script.leader();
    const [away, ...rest] = script.others(leader);
    script.separate([away!], [leader, ...rest]);
    await script.until("its campaign", () => script.status(away!).role === "preCandidate");
    expect(await told(script, script.change(leader, remove(away!)))).toBe("ok");
    expect(await told(script, script.change(leader, add(away!, "readOnly")))).toBe("ok");
    await script.fill(leader, 200);
    script.cluster.network.heal();
    await script.until("its demotion", () => script.status(away!).role === "learner");
    expect(script.members(away!)).toContain(`${away!.id} readOnly`);
    await script.end();
  });

  it("scenario 34: learners that outnumber the voters have no say; two are promoted together", async () => {
    const script = await Script.startCalm({ voters: 1, spares: 5 });
    const leader = await script.leader();
    for (const id of [2, 3, 4]) await script.join(id, "readOnly");
    for (const id of [2, 3, 4]) script.node(id).crash("process");
    await script.fill(leader, 10);
    for (const id of [2, 3, 4]) script.node(id).start();
    const fifth = await script.join(5);
    await script.advance(5 * script.electionTimeoutMs);
    expect(script.members(leader)).toContain("5 promotable");
    await script.join(6);
    await script.until("a joint configuration", () => /leaving/.test(script.members(leader)));
    fifth.crash("process");
    await script.advance(100);
    fifth.start();
    const promoted = () =>
      script.members(leader) === "1 active, 2 readOnly, 3 readOnly, 4 readOnly, 5 active, 6 active";
    await script.until("three voters", promoted);
    await script.end();
  });
});

const raft = {
  electionTimeoutMs: 500,
  heartbeatIntervalMs: 50,
  appendEntriesMax: 64,
  inflightMessagesMax: 8,
  logCacheBytes: 1024 * 1024,
};
