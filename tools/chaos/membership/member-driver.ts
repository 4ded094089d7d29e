import { setTimeout as pause } from "node:timers/promises";
import {
  type ClusterAdmin,
  type ClusterMembers,
  connectAdmin,
  connectLazily,
  type MemberInfo,
} from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import type { Prng } from "@d-engine/simulator";
import type { ChaosCluster, JoinAs } from "../chaos-cluster.js";
import type { Host } from "../network/host.js";
import type { NodePlaces } from "../network/network.js";
import type { Turns } from "../turns.js";
import { type MembershipCounts, noChanges } from "./membership-counts.js";
import { type Settled, settle } from "./settle.js";

export interface MemberDriverOptions {
  readonly cluster: ChaosCluster;
  readonly network: NodePlaces;
  /** Hosts from 1 to this one may be members. */
  readonly nodesMax: number;
  readonly random: Prng;
  /** Faults are injected in turns of these. */
  readonly turns: Turns;
  readonly electionTimeoutMs: number;
  readonly note: (text: string) => void;
  readonly found: (problem: string) => void;
}

type Action = (driver: MemberDriver) => Promise<boolean>;

const votersMin = 3;
const settleWithinMs = 60_000;
const callTimeoutMs = 2_000;
const pollMs = 100;
/** How often faults wait, so that the removed node surely hears of it. */
const calmShare = 0.5;
const killShare = 0.4;
/** How long a removed node may take to end, in election timeouts. */
const removedWithinTimeouts = 20;

/**
 * Changes who belongs to the cluster, one change after the other, while faults are injected beside
 * it. Keeps at least three voters, and at most as many nodes as there are hosts.
 */
export class MemberDriver {
  readonly counts: MembershipCounts = noChanges();
  readonly #options: MemberDriverOptions;
  readonly #admin: ClusterAdmin;
  readonly #random: Prng;
  /** Hosts whose node has left the cluster before. */
  readonly #left = new Set<Host>();
  #marks = 0;

  constructor(options: MemberDriverOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#admin = connectAdmin(this.#allAddresses, { timeoutMs: callTimeoutMs });
  }

  /** Makes changes until it is told to stop; ends with the one that is under way. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const action of this.#random.shuffle(actions)) {
        if (signal.aborted) break;
        if (!(await action(this))) continue;
        await pause(this.#random.uniform(0.1, 3) * this.#options.electionTimeoutMs);
      }
    }
  }

  /** Who the leader says is a member. Waits for one to answer. */
  async members(): Promise<ClusterMembers> {
    const deadlineMs = performance.now() + settleWithinMs;
    for (;;) {
      try {
        const view = await this.#admin.members();
        if (view.leaderId !== undefined) return view;
      } catch (error) {
        if (!isEngineError(error)) throw error;
      }
      if (performance.now() > deadlineMs) throw new Error("nobody could say who the members are");
      await pause(pollMs);
    }
  }

  async close(): Promise<void> {
    await this.#admin.close();
  }

  /** Starts nodes on hosts that have none, and waits until they belong to the cluster. */
  async grow(count: number, as: JoinAs): Promise<boolean> {
    const { cluster, network, nodesMax, note } = this.#options;
    const hosts = Array.from({ length: nodesMax }, (_, at) => at + 1);
    const free = hosts.filter((host) => !cluster.nodes.includes(host));
    if (free.length < count) return false;
    const chosen = this.#random.shuffle(free).slice(0, count);
    note(`${chosen.join(" and ")} join, ${as}`);
    await this.#meanwhile(chosen, async () => {
      await Promise.all(chosen.map((host) => cluster.join(host, as)));
      for (const host of chosen) await this.#awaitMember(host);
    });
    this.counts.joined += count;
    this.counts.joinedAgain += chosen.filter((host) => this.#left.has(host)).length;
    note(`${chosen.map((host) => `${host} at ${network.addressOf(host)}`).join(", ")}: members`);
    return true;
  }

  /** Makes all learners voters that may become ones. */
  async promote(): Promise<boolean> {
    const { members } = await this.members();
    const learners = members.filter(({ status }) => status === "promotable").map(({ id }) => id);
    if (learners.length === 0) return false;
    const settled = await this.#change(`promote ${learners.join(", ")}`, learners, () =>
      this.#admin.promoteMember(learners),
    );
    if (settled.kind !== "done") return true;
    this.counts.promotions += 1;
    if (learners.length > 1) this.counts.promotionsOfSeveral += 1;
    return true;
  }

  async transfer(): Promise<boolean> {
    const { members, leaderId } = await this.members();
    const others = votersAmong(members).filter((id) => id !== leaderId);
    const target = this.#random.pick(others);
    try {
      await this.#admin.transferLeadership(target);
      this.counts.transfers += 1;
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.counts.refused += 1;
    }
    return true;
  }

  /** Removes members drawn by `choose`, unless too few voters would be left. */
  async remove(choose: (view: ClusterMembers, random: Prng) => readonly Host[]): Promise<boolean> {
    const calm = this.#random.chance(calmShare);
    const work = async (): Promise<boolean> => {
      const view = await this.members();
      const chosen = choose(view, this.#random);
      const stay = votersAmong(view.members).filter((id) => !chosen.includes(id));
      if (chosen.length === 0 || stay.length < votersMin) return false;
      if (calm) for (const host of chosen) await this.#awaitCaughtUp(host);
      await this.#remove(chosen, calm, chosen.includes(view.leaderId ?? 0));
      return true;
    };
    return calm ? await this.#options.turns.alone(work) : await work();
  }

  async #remove(chosen: readonly Host[], calm: boolean, leads: boolean): Promise<void> {
    const { cluster, electionTimeoutMs, found, note } = this.#options;
    for (const host of chosen) cluster.expectRemoval(host);
    const what = `remove ${chosen.join(", ")}${leads ? ", which leads" : ""}`;
    const call = () => this.#admin.removeMember(chosen);
    const settled = await this.#change(what, calm ? [] : chosen, call);
    if (settled.kind !== "done") {
      for (const host of chosen) cluster.cancelRemoval(host);
      return;
    }
    this.counts.removals += 1;
    if (chosen.length > 1) this.counts.removalsOfSeveral += 1;
    if (leads) this.counts.removalsOfLeader += 1;
    const withinMs = removedWithinTimeouts * electionTimeoutMs;
    const ends = await Promise.all(
      chosen.map(async (host) => ({ host, ended: await cluster.removed(host, withinMs) })),
    );
    for (const { host, ended } of ends) {
      this.#left.add(host);
      note(`${host} ${ended ? "ended by itself" : "did not hear that it was removed"}`);
      this.counts[ended ? "stoppedByThemselves" : "cutOff"] += 1;
      if (calm && !ended) found(`node ${host} was removed without faults and did not stop`);
    }
  }

  async #change(
    what: string,
    concerned: readonly Host[],
    ask: () => Promise<unknown>,
  ): Promise<Settled> {
    const { note, found } = this.#options;
    note(what);
    const settled = await this.#meanwhile(concerned, () => settle(ask, settleWithinMs));
    if (settled.kind === "refused") {
      this.counts.refused += 1;
      note(`${what}: refused with ${settled.code}`);
    }
    if (settled.kind === "open") found(`"${what}" came to no end: ${settled.why}`);
    return settled;
  }

  /** Now and then, kills one that is concerned, or the leader, in the middle of `work`. */
  async #meanwhile<T>(concerned: readonly Host[], work: () => Promise<T>): Promise<T> {
    const { cluster, electionTimeoutMs, note } = this.#options;
    const kills = concerned.length > 0 && this.#random.chance(killShare);
    const afterMs = this.#random.uniform(0, electionTimeoutMs);
    const victim = this.#random.pick([cluster.leader, ...concerned]);
    const killing = async (): Promise<void> => {
      if (!kills || victim === undefined) return;
      await pause(afterMs);
      note(`kill -9 of ${victim} in the middle of it`);
      if (await cluster.kill(victim)) this.counts.killedMeanwhile += 1;
      await cluster.start(victim);
    };
    const [result] = await Promise.all([work(), killing()]);
    return result;
  }

  async #awaitMember(host: Host): Promise<void> {
    const deadlineMs = performance.now() + settleWithinMs;
    for (;;) {
      const { members } = await this.members();
      if (members.some(({ id }) => id === host)) return;
      if (performance.now() > deadlineMs) throw new Error(`node ${host} does not become a member`);
      await pause(pollMs);
    }
  }

  /** Without faults around: a write of now comes to the node. */
  async #awaitCaughtUp(host: Host): Promise<void> {
    const { network } = this.#options;
    const deadlineMs = performance.now() + settleWithinMs;
    const key = "membership/mark";
    this.#marks += 1;
    const mark = String(this.#marks);
    await using client = connectLazily(this.#allAddresses, { timeoutMs: callTimeoutMs });
    await using local = connectLazily([network.addressOf(host)], { timeoutMs: callTimeoutMs });
    for (let isWritten = false; ; ) {
      try {
        if (!isWritten) await client.put(key, mark);
        isWritten = true;
        if ((await local.getString(key, { consistency: "eventual" })) === mark) return;
      } catch (error) {
        if (!isEngineError(error)) throw error;
      }
      if (performance.now() > deadlineMs) throw new Error(`node ${host} does not catch up`);
      await pause(pollMs);
    }
  }

  get #allAddresses(): string[] {
    const { network, nodesMax } = this.#options;
    return Array.from({ length: nodesMax }, (_, at) => network.addressOf(at + 1));
  }
}

const follower = ({ members, leaderId }: ClusterMembers, random: Prng): readonly Host[] =>
  random.shuffle(members.filter(({ id }) => id !== leaderId).map(({ id }) => id)).slice(0, 1);

const leader = ({ leaderId }: ClusterMembers): readonly Host[] =>
  leaderId === undefined ? [] : [leaderId];

const twoVoters = ({ members }: ClusterMembers, random: Prng): readonly Host[] =>
  random.shuffle(votersAmong(members)).slice(0, 2);

/** Each comes up once before any comes again; those that cannot be are left out. */
const actions: readonly Action[] = [
  (driver) => driver.grow(1, "promotable"),
  (driver) => driver.grow(1, "promotable"),
  (driver) => driver.grow(1, "read-only"),
  (driver) => driver.grow(2, "promotable"),
  (driver) => driver.promote(),
  (driver) => driver.transfer(),
  (driver) => driver.remove(follower),
  (driver) => driver.remove(leader),
  (driver) => driver.remove(twoVoters),
];

function votersAmong(members: readonly MemberInfo[]): readonly Host[] {
  return members.filter(({ status }) => status === "active").map(({ id }) => id);
}
