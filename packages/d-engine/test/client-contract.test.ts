import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type EngineClient, type Watch, type WatchEvent } from "@d-engine/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ThreeEngines, threeEngines } from "./three-engines.js";

/**
 * What every client does alike, whatever it reaches the cluster through. One cluster serves all
 * tests; each has keys of its own.
 */

const roots: string[] = [];
let cluster: ThreeEngines;

beforeAll(async () => {
  const directories = [1, 2, 3].map(() => mkdtempSync(join(tmpdir(), "d-engine-")));
  roots.push(...directories);
  cluster = await threeEngines(directories, { watchProgressMs: 20 });
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  for (const root of roots) rmSync(root, { recursive: true });
});

const kinds: { readonly name: string; readonly make: () => Promise<EngineClient> }[] = [
  { name: "connected", make: () => connect(cluster.addresses) },
  { name: "embedded in the leader", make: async () => (await cluster.leader()).client() },
  { name: "embedded in a follower", make: async () => (await cluster.follower()).client() },
];

describe.each(kinds)("a client that is $name", ({ name, make }) => {
  let client: EngineClient;
  let number = 0;
  beforeAll(async () => {
    client = await make();
  });
  afterAll(() => client.close());

  /** A prefix that no other test has. */
  const fresh = (): string => {
    number += 1;
    return `${name}/${number}/`;
  };

  it("reads ranges in parts and in order, with all that is known of a key", async () => {
    const at = fresh();
    for (const key of ["a", "b", "c"]) await client.put(at + key, key);
    const { revision } = await client.put(`${at}b`, "B");
    const first = await client.range({ prefix: at }, { limit: 2 });
    expect(first).toMatchObject({ count: 3, more: true, revision });
    expect(first.entries.map(({ value }) => text(value))).toEqual(["a", "B"]);
    expect(first.entries[1]).toMatchObject({
      createRevision: revision - 2,
      modRevision: revision,
      version: 2,
      lease: 0,
    });
    const last = await client.range(
      { start: `${at}b`, end: `${at}d` },
      { order: "descending", keysOnly: true },
    );
    expect(last.entries.map(({ key }) => text(key))).toEqual([`${at}c`, `${at}b`]);
    expect(last.entries[0]?.value).toHaveLength(0);
    expect(await client.range({ prefix: at }, { countOnly: true })).toMatchObject({
      count: 3,
      entries: [],
    });
  });

  it("pages through one revision, whatever is written meanwhile", async () => {
    const at = fresh();
    for (const key of ["a", "b", "c", "d", "e"]) await client.put(at + key, "1");
    const seen: string[] = [];
    for await (const { entries } of client.pages({ prefix: at }, { limit: 2 })) {
      for (const { key, value } of entries) seen.push(text(key).slice(at.length) + text(value));
      await client.put(`${at}e`, "2");
      await client.put(`${at}f`, "2");
    }
    expect(seen).toEqual(["a1", "b1", "c1", "d1", "e1"]);
  });

  it("reads the past, and says of the future that it is yet to come", async () => {
    const key = fresh();
    const { revision } = await client.put(key, "old");
    await client.put(key, "new");
    await client.delete(key);
    const past = await client.range(key, { revision });
    expect(past.entries.map(({ value }) => text(value))).toEqual(["old"]);
    expect(await client.range(key, { revision: revision + 2 })).toMatchObject({ count: 0 });
    await expect(client.range(key, { revision: revision + 1_000 })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
  });

  it("carries out transactions, and ones within them, whose conditions were tested before", async () => {
    const at = fresh();
    await client.put(`${at}a`, "1");
    const done = await client
      .txn()
      .if({ key: `${at}a`, value: "1" }, { key: `${at}b`, exists: false })
      .then(
        { kind: "put", key: `${at}b`, value: "2" },
        {
          kind: "txn",
          if: [{ key: `${at}b`, exists: false }],
          // biome-ignore lint/suspicious/noThenProperty: the name of a transaction's part
          then: [
            { kind: "put", key: `${at}c`, value: "3" },
            { kind: "range", keys: { prefix: at }, countOnly: true },
          ],
        },
      )
      .commit();
    expect(done).toMatchObject({
      succeeded: true,
      results: [
        { kind: "put" },
        { kind: "txn", succeeded: true, results: [{ kind: "put" }, { kind: "range", count: 3 }] },
      ],
    });
    const { entries } = await client.range({ prefix: at });
    expect(entries.slice(1).map(({ modRevision }) => modRevision)).toEqual([
      done.revision,
      done.revision,
    ]);
    const refused = await client
      .txn()
      .if({ key: `${at}a`, version: { greater: 1 } })
      .then({ kind: "delete", keys: { prefix: at } })
      .else({ kind: "range", keys: `${at}a` })
      .commit();
    expect(refused).toMatchObject({ succeeded: false, results: [{ kind: "range", count: 1 }] });
  });

  it("deletes a range at one revision", async () => {
    const at = fresh();
    for (const key of ["a", "b", "c"]) await client.put(at + key, "v");
    expect(await client.deleteRange({ start: `${at}a`, end: `${at}c` })).toBe(2);
    expect(await client.deleteRange({ start: `${at}a`, end: `${at}c` })).toBe(0);
    expect((await client.scanPrefix(at)).entries.map(({ key }) => text(key))).toEqual([`${at}c`]);
  });

  it("compacts: what is older is told to be gone, by reads and by watches", async () => {
    const key = fresh();
    const { revision } = await client.put(key, "1");
    await client.put(key, "2");
    await client.compact(revision + 1);
    await expect(client.range(key, { revision })).rejects.toMatchObject({ code: "COMPACTED" });
    const watch = client.watch(key, { fromRevision: revision });
    await expect(watch.next()).rejects.toMatchObject({ code: "COMPACTED" });
    await expect(watch.ready()).rejects.toMatchObject({ code: "COMPACTED" });
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  it("grants, lists and revokes leases, and their keys go with them", async () => {
    const at = fresh();
    const lease = await client.grantLease(60_000);
    const { revision } = await client.put(`${at}a`, "v", { lease });
    await client.put(`${at}b`, "v", { lease: lease.id });
    expect(await client.leases()).toContain(lease.id);
    const status = await lease.timeToLive({ keys: true });
    expect(status?.keys.map(text).sort()).toEqual([`${at}a`, `${at}b`]);
    expect(status?.remainingMs).toBeGreaterThan(30_000);
    await lease.revoke();
    expect(lease.isHeld).toBe(false);
    expect((await client.scanPrefix(at)).entries).toEqual([]);
    expect(await client.leaseTimeToLive(lease.id)).toBeUndefined();
    await expect(client.put(`${at}a`, "v", { lease: lease.id })).rejects.toMatchObject({
      code: "LEASE_NOT_FOUND",
      outcome: "rejected",
    });
    expect((await client.range(`${at}a`, { revision })).count).toBe(1);
  });

  it.each<{ how: string; put: (key: string) => Promise<unknown> }>([
    { how: "put", put: (key) => client.put(key, "v", { ttlMs: 300 }) },
    { how: "putWithTtl", put: (key) => client.putWithTtl(key, "v", 0.3) },
    {
      how: "a transaction",
      put: (key) => client.txn().then({ kind: "put", key, value: "v", ttlMs: 300 }).commit(),
    },
  ])("ends a key of $how after its time to live, and not before", async ({ put }) => {
    const key = fresh();
    const watch = client.watch(key);
    await watch.ready();
    const sentMs = performance.now();
    await put(key);
    expect(await kindsOf(watch, 1)).toEqual(["put"]);
    expect(await client.getString(key)).toBe("v");
    expect(await kindsOf(watch, 1)).toEqual(["delete"]);
    expect(performance.now() - sentMs).toBeGreaterThanOrEqual(300);
    await watch.return?.();
  });

  it.each([0, -1, 0.5, Number.NaN])("refuses a time to live of %s", async (ttlMs) => {
    await expect(client.put(fresh(), "v", { ttlMs })).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
  });

  it("refuses what is no lease, and a lease beside a time to live", async () => {
    const refused = { code: "INVALID_REQUEST" };
    await expect(client.put("k", "v", { lease: 5, ttlMs: 5 })).rejects.toMatchObject(refused);
    await expect(client.put("k", "v", { lease: -1 })).rejects.toMatchObject(refused);
    await expect(client.leaseTimeToLive(-1)).rejects.toMatchObject(refused);
  });

  it("opens sessions, whose writes do what they say, and end with them", async () => {
    const at = fresh();
    const session = await client.openSession();
    expect(await session.compareAndSwap(`${at}a`, undefined, "1")).toBe(true);
    await session.put(`${at}b`, "v", { lease: session.id });
    await session.put(`${at}c`, "v");
    expect(await session.deleteRange(`${at}c`)).toBe(1);
    const { succeeded } = await session
      .txn()
      .if({ key: `${at}a`, value: "1" })
      .then({ kind: "put", key: `${at}a`, value: "2" })
      .commit();
    expect(succeeded).toBe(true);
    await session.settle();
    expect(await session.getString(`${at}a`)).toBe("2");
    await session[Symbol.asyncDispose]();
    expect((await client.scanPrefix(at)).entries).toHaveLength(1);
    await expect(session.put(at, "v")).rejects.toMatchObject({ code: "CLOSED" });
  });

  it("watches from a past revision on, with what was there before", async () => {
    const at = fresh();
    const { revision } = await client.put(`${at}a`, "1");
    await client.put(`${at}a`, "2");
    await client.delete(`${at}a`);
    const watch = client.watch({ prefix: at }, { fromRevision: revision, previous: true });
    expect(await watch.ready()).toBe(revision - 1);
    const events = await take(watch, 3);
    expect(events.map((event) => [event.kind, event.revision - revision])).toEqual([
      ["put", 0],
      ["put", 1],
      ["delete", 2],
    ]);
    expect(events.map(({ previous }) => previous && text(previous.value))).toEqual([
      undefined,
      "1",
      "2",
    ]);
    await client.put(`${at}b`, "live");
    expect(await kindsOf(watch, 1)).toEqual(["put"]);
    await watch.return?.();
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  it("resumes where another watch has ended, and brings one kind alone where asked", async () => {
    const key = fresh();
    const first = client.watch(key);
    await first.ready();
    await client.put(key, "1");
    await kindsOf(first, 1);
    await first.return?.();
    await client.put(key, "2");
    await client.delete(key);
    const second = client.watch(key, { fromRevision: first.revision + 1, only: "delete" });
    expect(await kindsOf(second, 1)).toEqual(["delete"]);
    await second.return?.();
  });

  it("moves a watch on while others are written to", async () => {
    const watch = client.watch(fresh());
    await watch.ready();
    const next = watch.next();
    const { revision } = await client.put(fresh(), "v");
    await expect.poll(() => watch.revision).toBeGreaterThanOrEqual(revision);
    await watch.return?.();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it("loses nothing when the reader of a watch is slow", async () => {
    const key = fresh();
    const watch = client.watch(key);
    await watch.ready();
    const value = new Uint8Array(100_000);
    const count = 100;
    for (let at = 0; at < count; at += 1) await client.put(key, value);
    const revisions = (await take(watch, count)).map(({ revision }) => revision);
    expect(new Set(revisions).size).toBe(count);
    expect(revisions).toEqual([...revisions].sort((a, b) => a - b));
    await watch.return?.();
  });

  it("ends a watch by its signal, and by a break", async () => {
    const key = fresh();
    const aborting = new AbortController();
    const watch = client.watch(key, { signal: aborting.signal });
    await watch.ready();
    const next = watch.next();
    aborting.abort(new Error("enough"));
    await expect(next).rejects.toThrow("enough");
    expect(() => client.watch(key, { signal: aborting.signal })).toThrow("enough");
    const put = await client.put(key, "1");
    const seen: number[] = [];
    const again = client.watch(key, { fromRevision: put.revision });
    for await (const { revision } of again) {
      seen.push(revision);
      break;
    }
    expect(seen).toEqual([put.revision]);
    expect(await again.next()).toEqual({ done: true, value: undefined });
  });

  it("gives bytes that belong to the reader", async () => {
    const key = fresh();
    const watch = client.watch(key);
    await watch.ready();
    await client.put(key, "kept");
    const [event] = await take(watch, 1);
    if (event?.kind === "put") event.record.value.fill(0);
    for (const { value } of (await client.range(key)).entries) value.fill(0);
    expect(await client.getString(key)).toBe("kept");
    await watch.return?.();
  });

  it("ends what it has opened when it is closed", async () => {
    const other = await make();
    const lease = await other.grantLease(60_000);
    const watch = other.watch(fresh());
    await watch.ready();
    const next = watch.next();
    await other.close();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(lease.lost.aborted).toBe(true);
    expect(() => other.watch("k")).toThrow(/closed/);
    await expect(other.range("k")).rejects.toMatchObject({ code: "CLOSED" });
    await expect(other.deleteRange("k")).rejects.toMatchObject({ code: "CLOSED" });
    expect(await client.leaseTimeToLive(lease.id)).toMatchObject({ ttlMs: 60_000 });
  });
});

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** The next events of a watch, however they are divided. */
async function take(watch: Watch, count: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  while (events.length < count) {
    const { value } = await watch.next();
    if (value === undefined) throw new Error("the watch has ended");
    events.push(...value.events);
  }
  return events;
}

async function kindsOf(watch: Watch, count: number): Promise<readonly string[]> {
  return (await take(watch, count)).map(({ kind }) => kind);
}
