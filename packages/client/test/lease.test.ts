import type { CommandResult, KvCommand, KvQueryResult } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { beforeEach, describe, expect, it } from "vitest";
import { follow } from "../../server/src/driver/testing/outcome.js";
import { VirtualClock } from "../../server/src/driver/testing/virtual-clock.js";
import { AbstractKvClient, type KvOutcome, type Lease, type Watch } from "../src/index.js";

/** A client over a cluster that answers as a test says. */
class ScriptedClient extends AbstractKvClient {
  readonly clock: VirtualClock;
  readonly commands: KvCommand[] = [];
  /** What is done instead of answering at once. */
  answer: (command: KvCommand) => Promise<void> = async () => undefined;
  result: KvQueryResult = { kind: "leases", ids: [] };

  constructor(clock: VirtualClock) {
    super();
    this.clock = clock;
  }

  async execute(command: KvCommand): Promise<KvOutcome> {
    this.commands.push(command);
    await this.answer(command);
    const detail: CommandResult = { kind: "lease", id: 7, ttlMs: 1_000 };
    return { succeeded: true, revision: 3, detail };
  }

  async query(): Promise<KvQueryResult> {
    return this.result;
  }

  put(key: string, value: string, options: { lease: Lease | number; ttlMs?: number }) {
    return this.putWithLease(key, value, options);
  }

  async close(): Promise<void> {
    this.endLeases();
  }

  carry = () => this.#none();
  openSession = () => this.#none();
  watch = (): Watch => this.#none();
  delete = () => this.#none();
  compareAndSwap = () => this.#none();
  getMulti = () => this.#none();
  scanPrefix = () => this.#none();
  listMembers = () => this.#none();
  getLeaderId = () => this.#none();
  watchMembership = () => this.#none();

  #none(): never {
    throw new Error("not a part of this test");
  }
}

let clock: VirtualClock;
let client: ScriptedClient;
beforeEach(() => {
  clock = new VirtualClock();
  client = new ScriptedClient(clock);
});

const kinds = () => client.commands.map(({ kind }) => kind);
const reasonOf = ({ lost }: Lease) => (lost.reason as EngineError).code;
const pauseFor = (forMs: number) =>
  new Promise<void>((resolve) => void clock.setTimer(forMs, resolve));

describe("a lease", () => {
  it("is granted, renewed at a third of its time, and revoked with what it holds", async () => {
    const lease = await client.grantLease(1_000);
    expect(lease).toMatchObject({ id: 7, ttlMs: 1_000, isHeld: true });
    await clock.advance(10_050);
    expect(kinds().filter((kind) => kind === "leaseKeepAlive")).toHaveLength(30);
    await lease.revoke();
    expect(client.commands.at(-1)).toEqual({ kind: "leaseRevoke", id: 7 });
    expect([lease.isHeld, lease.lost.aborted, clock.pending]).toEqual([false, true, 0]);
  });

  it("is lost before nine tenths of its time since the last renewal was sent (R18)", async () => {
    const lease = await client.grantLease(1_000);
    await clock.advance(300);
    // What is sent from now on takes its time, and is answered by nobody.
    client.answer = async () => {
      await pauseFor(100);
      throw new EngineError("CLUSTER_UNAVAILABLE", "nobody");
    };
    await clock.advance(570);
    expect([lease.isHeld, lease.lost.aborted]).toEqual([true, false]);
    await clock.advance(10);
    expect(lease.lost.aborted).toBe(true);
    expect(reasonOf(lease)).toBe("LEASE_NOT_FOUND");
    expect(() => lease.assertHeld()).toThrow(/not renewed in time/);
    client.answer = async () => undefined;
    await clock.advance(5_000);
    expect([lease.isHeld, clock.pending]).toEqual([false, 0]);
  });

  it("counts from when the renewal was sent, not from when it was answered (R18)", async () => {
    client.answer = () => pauseFor(200);
    const granting = client.grantLease(1_000, { keepAlive: false });
    await clock.advance(200);
    const lease = await granting;
    await clock.advance(670);
    expect(lease.lost.aborted).toBe(false);
    await clock.advance(20);
    expect(lease.lost.aborted).toBe(true);
  });

  it("survives renewals that fail, as long as one succeeds in time", async () => {
    const lease = await client.grantLease(1_000);
    let failures = 0;
    client.answer = async () => {
      failures += 1;
      if (failures % 4 !== 0) throw new EngineError("OUTCOME_UNKNOWN", "lost");
    };
    await clock.advance(10_000);
    expect(lease.isHeld).toBe(true);
    expect(failures).toBeGreaterThan(40);
  });

  it("fails at once after a stall, before any timer has run, and stays lost (scenario 71)", async () => {
    const lease = await client.grantLease(1_000);
    let answered: (() => void) | undefined;
    client.answer = () =>
      new Promise((resolve) => {
        answered = resolve;
      });
    await clock.advance(400); // a renewal is under way
    const commands = client.commands.length;
    clock.stall(2_000);
    expect(lease.isHeld).toBe(false);
    await expect(client.put("k", "v", { lease })).rejects.toMatchObject({
      code: "LEASE_NOT_FOUND",
    });
    expect(lease.lost.aborted).toBe(true);
    answered?.();
    await clock.advance(5_000);
    expect(lease.isHeld).toBe(false);
    expect(client.commands).toHaveLength(commands);
  });

  it("does not believe in a renewal whose answer waited out a stall", async () => {
    const lease = await client.grantLease(1_000);
    client.answer = async () => clock.stall(950);
    await clock.advance(340);
    expect([lease.isHeld, lease.lost.aborted]).toEqual([false, true]);
  });

  it("is lost when the cluster does not know it any more", async () => {
    const lease = await client.grantLease(1_000);
    client.answer = async () => {
      throw new EngineError("LEASE_NOT_FOUND", "expired");
    };
    await clock.advance(350);
    expect(lease.lost.aborted).toBe(true);
    await lease.revoke();
    expect(clock.pending).toBe(0);
  });

  it("is kept no longer than its client is open, and may be granted without keeping", async () => {
    const [kept, once] = [
      await client.grantLease(1_000),
      await client.grantLease(1_000, { keepAlive: false, id: 7 }),
    ];
    await clock.advance(950);
    expect([kept.isHeld, once.isHeld]).toEqual([true, false]);
    await client.close();
    expect(reasonOf(kept)).toBe("CLOSED");
    expect(clock.pending).toBe(0);
  });

  it("goes with a put, by itself or by its id", async () => {
    const lease = await client.grantLease(1_000);
    await client.put("k", "v", { lease });
    await client.put("k", "v", { lease: 9 });
    expect(client.commands.slice(1)).toMatchObject([{ lease: 7 }, { lease: 9 }]);
    const both = client.put("k", "v", { lease, ttlMs: 5 });
    await expect(both).rejects.toMatchObject({ code: "INVALID_REQUEST" });
    await lease.revoke();
    await expect(client.put("k", "v", { lease })).rejects.toThrow(/revoked/);
  });

  it("can be asked for, as can all of them", async () => {
    const key = Uint8Array.of(1);
    client.result = { kind: "lease", id: 7, ttlMs: 1_000, remainingMs: 300, keys: [key] };
    const status = { id: 7, ttlMs: 1_000, remainingMs: 300, keys: [key] };
    expect(await client.leaseTimeToLive(7, { keys: true })).toEqual(status);
    client.result = { kind: "lease", id: 7, ttlMs: 0, remainingMs: 0, keys: [] };
    expect(await client.leaseTimeToLive(7)).toBeUndefined();
    client.result = { kind: "leases", ids: [4, 7] };
    expect(await client.leases()).toEqual([4, 7]);
  });

  it("is refused with a time that is none", async () => {
    const refused = follow(client.grantLease(0));
    await clock.turn();
    expect(refused()).toMatchObject({ code: "INVALID_REQUEST" });
    expect(client.commands).toEqual([]);
  });
});
