import {
  LOG_ORIGIN,
  type LogIndex,
  type Member,
  type MembershipChange,
  type MembershipConfiguration,
  type Message,
  NOOP,
  type NodeId,
  type Payload,
  RAFT_DEFAULTS,
  type Term,
  type Transport,
  type TransportListener,
} from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { put, utf8 } from "./testing/commands.js";
import { follow, told } from "./testing/outcome.js";
import { startCluster, startKvNode, startLeader } from "./testing/start-kv-node.js";

const add = (id: number): MembershipChange => ({
  kind: "addNode",
  nodeId: id as NodeId,
  address: `n:${id}`,
  status: "promotable",
});
const remove = (...ids: number[]): MembershipChange => ({
  kind: "batchRemove",
  nodeIds: ids as NodeId[],
});
const config = (change: MembershipChange): Payload => ({ kind: "config", change });
const ids = ({ members }: MembershipConfiguration) => members.map(({ id }) => id);

/** A transport whose other end is the test, as the leader of term 5. */
class FromLeader implements Transport {
  readonly members: (readonly Member[])[] = [];
  readonly sent: Message[] = [];
  closed = false;
  greetings = 0;
  #listener: TransportListener | undefined;
  #round = 0;
  #last = LOG_ORIGIN;

  start(listener: TransportListener): void {
    this.#listener = listener;
  }

  send({ message }: { readonly message: Message }): void {
    this.sent.push(message);
  }

  setMembers(members: readonly Member[]): void {
    this.members.push(members);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  greetMembers(): void {
    this.greetings += 1;
  }

  tellRemoved(by: number): void {
    this.#listener?.removed?.(by as LogIndex);
  }

  /** Appends behind what was appended last. */
  append(payloads: readonly Payload[], commit: number): void {
    const prev = this.#last;
    const term = 5 as Term;
    const entries = payloads.map((payload, at) => {
      return { index: (prev.index + at + 1) as LogIndex, term, payload };
    });
    const last = entries.at(-1);
    if (last !== undefined) this.#last = { term, index: last.index };
    this.#round += 1;
    this.#listener?.receive(2 as NodeId, {
      kind: "appendEntries",
      term,
      leaderId: 2 as NodeId,
      prev,
      entries,
      leaderCommit: commit as LogIndex,
      round: this.#round,
    });
  }

  get reachable(): number[] {
    return this.members.at(-1)?.map(({ id }) => id) ?? [];
  }
}

const voters = ["a:1", "b:2", "c:3", "d:4"];

async function startFollower(lines: string[] = []) {
  const transport = new FromLeader();
  const line = (text: string) => lines.push(text);
  const logger = { debug: line, info: line, warn: line, error: line };
  return { ...(await startKvNode({ transport, voters, logger })), transport, lines };
}

describe("Driver and the members", () => {
  it("tells the transport of a new member before anything is sent to it", async () => {
    const { clock, transport } = await startFollower();
    expect(transport.reachable).toEqual([1, 2, 3, 4]);
    transport.append([NOOP, config(add(5))], 0);
    await clock.advance(1);
    expect(transport.reachable).toEqual([1, 2, 3, 4, 5]);
    expect(transport.members.at(-1)?.at(-1)).toMatchObject({ id: 5, address: "n:5" });
  });

  it("keeps the voters of the old half reachable until the joint configuration is left", async () => {
    const { clock, transport } = await startFollower();
    transport.append([NOOP, config(remove(3, 4))], 1);
    await clock.advance(1);
    expect(transport.reachable).toEqual([1, 2, 3, 4]);
    transport.append([config({ kind: "leaveJoint" })], 2);
    await clock.advance(1);
    expect(transport.reachable).toEqual([1, 2]);
  });

  it("publishes a configuration when it is applied, in order, in a turn of its own", async () => {
    const { clock, node, transport } = await startFollower();
    const heard: number[][] = [];
    const unsubscribe = node.driver.subscribeMembership((configuration) => {
      heard.push(ids(configuration));
      if (heard.length === 2) unsubscribe();
    });
    transport.append([NOOP, config(add(5)), config(add(6))], 1);
    await clock.advance(1);
    expect(heard).toEqual([]);
    expect(ids(node.driver.configuration)).toEqual([1, 2, 3, 4]);
    expect(node.status()).toMatchObject({ configurationVersion: 0 });
    expect(ids(node.status().configuration)).toEqual([1, 2, 3, 4, 5, 6]);
    transport.append([config(add(7))], 4);
    expect(heard).toEqual([]);
    await clock.advance(1);
    expect(heard).toEqual([
      [1, 2, 3, 4, 5],
      [1, 2, 3, 4, 5, 6],
    ]);
    expect(node.status()).toMatchObject({ configurationVersion: 4 });
  });

  it("refuses a change where it does not lead, and names the leader", async () => {
    const { clock, node, transport } = await startFollower();
    transport.append([NOOP], 1);
    await clock.advance(1);
    await expect(node.driver.changeMembership(add(5))).rejects.toMatchObject({
      code: "NOT_LEADER",
      leader: { leaderId: 2, address: "b:2" },
    });
  });

  it("refuses a bad deadline, an aborted call and a closed node before the core is asked", async () => {
    const { clock, node } = await startLeader();
    const { driver } = node;
    const bad = follow(driver.changeMembership(add(2), { timeoutMs: 0 }));
    const aborted = follow(driver.changeMembership(add(2), { signal: AbortSignal.abort("no") }));
    const closing = follow(driver.close());
    const late = follow(driver.changeMembership(add(2)));
    await clock.advance(100);
    expect(told(bad())).toBe("INVALID_REQUEST rejected");
    expect(aborted()).toEqual({ kind: "threw", reason: "no" });
    expect([told(late()), told(closing())]).toEqual(["CLOSED rejected", "resolved"]);
  });
});

describe("Driver.changeMembership", () => {
  it("resolves with the applied configuration, also while the disk has no room (R10)", async () => {
    const { clock, node, storage, store } = await startLeader();
    storage.room(false);
    const change = follow(node.driver.changeMembership(add(2), { version: 0 as LogIndex }));
    await clock.advance(5);
    expect(change()).toMatchObject({ kind: "resolved", value: { logId: { index: 2 } } });
    expect(store.lastApplied).toBe(2);
    expect(node.status()).toMatchObject({ configurationVersion: 2 });
    expect(node.isOnlyMember).toBe(false);
  });

  it("waits for the leave of a joint configuration", async () => {
    const { clock, leader, nodes } = await startCluster();
    const [lead] = [leader()];
    const others = nodes.filter((each) => each !== lead).map(({ node }) => node.status().nodeId);
    const change = follow(lead?.node.driver.changeMembership(remove(...others)) ?? never());
    await clock.advance(50);
    expect(change()).toMatchObject({ kind: "resolved", value: { outgoingVoters: undefined } });
    expect(lead?.node.isOnlyMember).toBe(true);
    expect(nodes.map(({ node }) => node.driver.failure?.message.slice(0, 7)).sort()).toEqual(
      [...others.map((id) => `node ${id} `), undefined].sort(),
    );
  });

  it("is of unknown outcome when time is over after the proposal, and may still happen", async () => {
    const { clock, node, storage } = await startLeader();
    storage.automatic = false;
    const change = follow(node.driver.changeMembership(add(2), { timeoutMs: 100 }));
    await clock.advance(200);
    expect(told(change())).toBe("OUTCOME_UNKNOWN unknown");
    storage.sync();
    await clock.advance(5);
    expect(ids(node.driver.configuration)).toEqual([1, 2]);
  });

  it("reports the core's refusals by their code", async () => {
    const { clock, node } = await startLeader();
    const version = 7 as LogIndex;
    const calls = [
      follow(node.driver.changeMembership(add(2), { version })),
      follow(node.driver.changeMembership(add(3))),
      follow(node.driver.changeMembership(add(4))),
    ];
    await clock.advance(5);
    expect(calls.map((call) => told(call()))).toEqual([
      "VERSION_CONFLICT rejected",
      "resolved",
      "CHANGE_IN_PROGRESS rejected",
    ]);
  });
});

const { electionTimeoutMs } = RAFT_DEFAULTS;

function never(): Promise<never> {
  return Promise.reject(new Error("nobody leads"));
}

describe("A node that was removed", () => {
  it("hands its leadership over first, and the others go on (scenario 29)", async () => {
    const { clock, leader, nodes } = await startCluster();
    const old = leader();
    const id = old?.node.status().nodeId ?? 0;
    const change = follow(old?.node.driver.changeMembership(remove(id)) ?? never());
    await clock.advance(200);
    expect(told(change())).toBe("resolved");
    expect(old?.node.driver.failure).toMatchObject({ code: "NODE_REMOVED" });
    const next = leader();
    // Well before anybody's election timeout.
    expect(next).toBeDefined();
    const write = follow(next?.node.write(put("k", "1")) ?? never());
    await clock.advance(10);
    expect(told(write())).toBe("resolved");
    expect(nodes.filter(({ node }) => node.driver.state === "running")).toHaveLength(2);
  });

  it("stops when the removal is applied, in one line that says what to do (scenario 29)", async () => {
    const { clock, node, transport, storage, lines } = await startFollower();
    transport.append([NOOP, config(remove(1))], 1);
    await clock.advance(1);
    expect(node.driver.state).toBe("running");
    transport.append([], 2);
    await clock.advance(1);
    expect(await node.driver.closed).toMatchObject({ code: "NODE_REMOVED" });
    expect(lines.filter((line) => line.includes("log entry 2"))).toEqual([
      expect.stringMatching(/node 1 was removed .*delete its data directory.*d-engine member add/),
    ]);
    expect([transport.closed, storage.isOpen, clock.pending]).toEqual([true, false, 0]);
    const calls = [follow(node.write(put("a", "1"))), follow(node.read([utf8("a")]))];
    await clock.turn();
    expect(calls.map((call) => told(call()))).toEqual([
      "NODE_REMOVED rejected",
      "NODE_REMOVED rejected",
    ]);
  });

  it("has its say in the old half of a joint configuration until that is left", async () => {
    const { clock, node, transport } = await startFollower();
    transport.append([NOOP, config(remove(1, 3))], 2);
    await clock.advance(1);
    expect(node.driver.state).toBe("running");
    transport.append([config({ kind: "leaveJoint" })], 3);
    await clock.advance(1);
    expect(node.driver.state).toBe("failed");
  });

  it("shows itself to the members while no leader is heard, at a bounded pace", async () => {
    const { clock, transport } = await startFollower();
    await clock.advance(4 * electionTimeoutMs);
    transport.append([NOOP], 1);
    await clock.advance(4 * electionTimeoutMs);
    expect(transport.greetings).toBe(0);
    await clock.advance(11 * electionTimeoutMs);
    expect(transport.greetings).toBe(3);
  });

  it("believes a member that says so, unless it knows better", async () => {
    const transport = new FromLeader();
    const lines: string[] = [];
    const line = (text: string) => lines.push(text);
    const logger = { debug: line, info: line, warn: line, error: line };
    const { clock, node } = await startKvNode({ transport, voters, logger, joinedAt: 3 });
    const changes = [remove(1), add(1), add(5)];
    transport.append([NOOP, ...changes.map(config)], 4);
    await clock.advance(1);
    for (const by of [3, 4]) transport.tellRemoved(by);
    await clock.advance(50);
    expect(node.driver.state).toBe("running");
    transport.tellRemoved(5);
    await clock.advance(50);
    expect(node.driver.failure).toMatchObject({ code: "NODE_REMOVED" });
    expect(lines).toContainEqual(expect.stringMatching(/by log entry 5, as another member says/));
  });

  it("does not start again", async () => {
    const { clock, node, transport, storage } = await startFollower();
    transport.append([NOOP, config(remove(1))], 2);
    await clock.advance(1);
    await node.driver.closed;
    await expect(startKvNode({ clock, storage, voters })).rejects.toMatchObject({
      code: "NODE_REMOVED",
    });
    expect(storage.isOpen).toBe(false);
  });

  it("is not the one that was removed under its id before it joined", async () => {
    const transport = new FromLeader();
    const { clock, node } = await startKvNode({ transport, voters, joinedAt: 3 });
    transport.append([NOOP, config(remove(1)), config(add(1))], 2);
    await clock.advance(1);
    expect(node.driver.state).toBe("running");
    transport.append([], 3);
    await clock.advance(1);
    expect(node.status()).toMatchObject({ role: "learner" });
    transport.append([config(remove(1))], 4);
    await clock.advance(1);
    expect(node.driver.failure).toMatchObject({ code: "NODE_REMOVED" });
  });
});
