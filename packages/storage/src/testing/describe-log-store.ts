import type { Entry, LogIndex, NodeId, Term } from "@d-engine/core";
import { NOOP } from "@d-engine/core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ContractTools, LogStoreFixture } from "./contract-tools.js";
import { describeResets } from "./describe-resets.js";
import {
  commandEntries,
  commandEntry,
  entryOf,
  hardStateOf,
  LogSession,
  openOptions,
} from "./log-session.js";

/**
 * The contract of `StorageEngine` and `LogStore`, for vitest: every backend must pass it.
 *
 * @example
 * describeLogStore("my store", async () => ({
 *   storage: () => new MyStorage(directory),
 *   crash: undefined,
 *   dispose: () => rm(directory, { recursive: true }),
 * }));
 */
export function describeLogStore(name: string, make: () => Promise<LogStoreFixture>): void {
  describe(`${name} as a log store`, () => {
    let fixture: LogStoreFixture;
    let session: LogSession | undefined;

    beforeEach(async () => {
      fixture = await make();
      session = undefined;
    });

    afterEach(async () => {
      await session?.opened.close();
      await fixture.dispose();
    });

    async function open(): Promise<LogSession> {
      session = new LogSession(await fixture.storage().open(openOptions()));
      return session;
    }

    async function restart(): Promise<LogSession> {
      await session?.opened.close();
      return open();
    }

    const tools: ContractTools = {
      open,
      restart,
      fixture: () => fixture,
      forget: () => {
        session = undefined;
      },
    };
    describeWriting(tools);
    describeReading(tools);
    describeRestarts(tools);
    describePurging(tools);
    describeResets(tools);
    describeLifecycle(tools);
  });
}

function describeWriting({ open, restart }: ContractTools): void {
  it("is empty when it is new", async () => {
    const { log } = await open();
    expect(log.recovered).toEqual({
      hardState: undefined,
      base: { index: 0, term: 0 },
      last: { index: 0, term: 0 },
      commitIndex: 0,
      termRuns: [],
    });
  });

  it("reports a write as persisted outside of the call that queued it", async () => {
    const session = await open();
    const batch = session.write({ entries: [commandEntry(1, 1)] });
    expect(session.persisted).toEqual([]);
    await session.until(batch);
    expect(session.persisted).toEqual([1]);
  });

  it("reports batches in growing order up to the last, however many were queued", async () => {
    const session = await open();
    for (let index = 1; index <= 200; index++) session.write({ entries: [commandEntry(index, 1)] });
    await session.until(200);
    expect(session.persisted).toEqual([...session.persisted].sort((a, b) => a - b));
    expect(new Set(session.persisted).size).toBe(session.persisted.length);
    expect(session.persistedTo).toBe(200);
  });

  it("writes what is queued while a write is under way as one group", async () => {
    const session = await open();
    for (let index = 1; index <= 200; index++) session.write({ entries: [commandEntry(index, 1)] });
    await session.until(200);
    expect(session.persisted.length).toBeLessThanOrEqual(3);
  });

  it("persists a write without entries or hard state", async () => {
    const session = await open();
    await session.persist({ entries: [commandEntry(1, 1)] });
    await session.persist({ commitIndex: 1 as LogIndex });
    expect(session.persistedTo).toBe(2);
  });

  it("replaces the suffix from the first index of a write on", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 6, 1) });
    await session.persist({ entries: commandEntries(3, 5, 2) });
    const expected = [...commandEntries(1, 3, 1), ...commandEntries(3, 5, 2)];
    expect(await session.log.read(at(1), at(5), 1e6)).toEqual(expected);
    await expect(session.log.read(at(1), at(6), 1e6)).rejects.toThrow(/retained/);
    const again = await restart();
    expect(again.log.recovered.last).toEqual({ index: 4, term: 2 });
    expect(again.log.recovered.termRuns).toEqual([
      { index: 1, term: 1 },
      { index: 3, term: 2 },
    ]);
    expect(await again.readAll()).toEqual(expected);
  });

  it("scenario 18: an overwritten suffix stays overwritten when its write ends late", async () => {
    const session = await open();
    session.write({ entries: commandEntries(1, 4, 1) });
    session.write({ entries: commandEntries(2, 3, 2) });
    session.write({ entries: commandEntries(2, 4, 3) });
    const expected = [commandEntry(1, 1), ...commandEntries(2, 4, 3)];
    expect(await session.log.read(at(1), at(4), 1e6)).toEqual(expected);
    await session.until(3);
    expect(await session.log.read(at(1), at(4), 1e6)).toEqual(expected);
    const again = await restart();
    expect(await again.readAll()).toEqual(expected);
  });

  it("keeps every kind of payload", async () => {
    const session = await open();
    const entries: Entry[] = [
      entryOf(1, 1, NOOP),
      entryOf(2, 1, { kind: "command", command: new Uint8Array(0) }),
      entryOf(3, 1, { kind: "config", change: { kind: "removeNode", nodeId: 7 as NodeId } }),
      entryOf(4, 2, { kind: "config", change: { kind: "leaveJoint" } }),
    ];
    await session.persist({ entries });
    const again = await restart();
    expect(await again.readAll()).toEqual(entries);
  });

  it("takes one write of many entries in many pieces, reported once", async () => {
    const session = await open();
    const entries = commandEntries(1, 501, 1, "x".repeat(100));
    await session.persist({ entries, hardState: hardStateOf(3, 1) });
    expect(session.persisted).toEqual([1]);
    const again = await restart();
    expect(await again.readAll()).toEqual(entries);
    expect(again.log.recovered.hardState).toEqual(hardStateOf(3, 1));
  });
}

function describeReading({ open }: ContractTools): void {
  it("reads entries that are queued and not durable yet", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 4, 1) });
    session.write({ entries: commandEntries(4, 6, 1) });
    session.write({ entries: commandEntries(6, 8, 2) });
    const expected = [...commandEntries(1, 6, 1), ...commandEntries(6, 8, 2)];
    expect(await session.log.read(at(1), at(8), 1e6)).toEqual(expected);
    expect(await session.log.read(at(5), at(7), 1e6)).toEqual(expected.slice(4, 6));
  });

  it("reads what the newest queued write says, below what an older one wrote", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 6, 1) });
    session.write({ entries: commandEntries(4, 6, 2) });
    session.write({ entries: commandEntries(2, 4, 3) });
    const expected = [commandEntry(1, 1), ...commandEntries(2, 4, 3)];
    expect(await session.log.read(at(1), at(4), 1e6)).toEqual(expected);
    await expect(session.log.read(at(1), at(5), 1e6)).rejects.toThrow(/retained/);
    await session.until(3);
    expect(await session.log.read(at(1), at(4), 1e6)).toEqual(expected);
  });

  it("reads at most `bytesMax` bytes, but at least one entry", async () => {
    const session = await open();
    const entries = commandEntries(1, 11, 1, "y".repeat(100));
    await session.persist({ entries });
    expect(await session.log.read(at(3), at(11), 1)).toEqual([entries[2]]);
    expect(await session.log.read(at(3), at(11), 300)).toEqual(entries.slice(2, 4));
    expect(await session.log.read(at(3), at(5), 1e6)).toEqual(entries.slice(2, 4));
    const batch = session.write({ entries: commandEntries(11, 13, 1, "z".repeat(100)) });
    expect(await session.log.read(at(11), at(13), 1)).toHaveLength(1);
    await session.until(batch);
  });

  it.each([
    { name: "before the log", from: 0, to: 2 },
    { name: "beyond the log", from: 3, to: 5 },
    { name: "empty", from: 2, to: 2 },
    { name: "backwards", from: 3, to: 2 },
  ])("refuses a range $name", async ({ from, to }) => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 4) });
    await expect(session.log.read(at(from), at(to), 1e6)).rejects.toMatchObject({
      code: "INVALID_REQUEST",
    });
  });
}

function describeRestarts({ open, restart, fixture, forget }: ContractTools): void {
  it("finds entries, hard state and commit index again", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 4, 1), hardState: hardStateOf(1, 2) });
    await session.persist({ hardState: hardStateOf(5), commitIndex: 2 as LogIndex });
    const again = await restart();
    expect(again.log.recovered).toEqual({
      hardState: hardStateOf(5),
      base: { index: 0, term: 0 },
      last: { index: 3, term: 1 },
      commitIndex: 2,
      termRuns: [{ index: 1, term: 1 }],
    });
    expect(await again.readAll()).toEqual(commandEntries(1, 4, 1));
  });

  it("never recovers a commit index beyond the last entry", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 3), commitIndex: 9 as LogIndex });
    const again = await restart();
    expect(again.log.recovered.commitIndex).toBe(2);
  });

  it("keeps its identity", async () => {
    const first = await open();
    const { identity } = first.opened;
    const again = await restart();
    expect(again.opened.identity).toEqual(identity);
  });

  it("goes on where it stopped, time and again", async () => {
    let session = await open();
    for (let round = 0; round < 5; round++) {
      const first = round * 10 + 1;
      const entries = commandEntries(first, first + 10, round + 1);
      await session.persist({ entries, hardState: hardStateOf(round + 1) });
      session = await restart();
      expect(session.log.recovered.last).toEqual({ index: first + 9, term: round + 1 });
      expect(await session.readAll()).toHaveLength(first + 9);
    }
  });

  it("I7: loses nothing that was persisted when it ends without warning", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 31), hardState: hardStateOf(1, 1) });
    for (let index = 31; index <= 60; index++) {
      session.write({ entries: [commandEntry(index, 1)], hardState: hardStateOf(index) });
    }
    const { crash } = fixture();
    if (crash === undefined) return;
    crash();
    forget();
    const again = await open();
    const { last, hardState } = again.log.recovered;
    expect(last.index).toBeGreaterThanOrEqual(30);
    expect(last.index).toBeLessThanOrEqual(60);
    expect(await again.readAll()).toEqual(commandEntries(1, last.index + 1));
    expect(hardState?.term).toBe(last.index === 30 ? 1 : last.index);
  });
}

function describePurging({ open, restart }: ContractTools): void {
  it("keeps everything above the purged position, over a restart too", async () => {
    const session = await open();
    for (let index = 1; index <= 300; index += 3) {
      await session.persist({
        entries: commandEntries(index, index + 3, 1 + Math.floor(index / 100), "p".repeat(200)),
        hardState: hardStateOf(index),
      });
    }
    await session.cover(200, 2);
    await session.log.purge({ index: at(200), term: 2 as Term });
    const kept = await session.log.read(at(201), at(301), 1e6);
    expect(kept.map((entry) => entry.index)).toEqual(range(201, 301));
    const again = await restart();
    const { base, last, hardState, termRuns } = again.log.recovered;
    expect(base.index).toBeLessThanOrEqual(200);
    expect(last).toEqual({ index: 300, term: 3 });
    expect(hardState).toEqual(hardStateOf(298));
    expect(termRuns.at(-1)?.term).toBe(3);
    const entries = await again.readAll();
    expect(entries.map((entry) => entry.index)).toEqual(range(base.index + 1, 301));
    if (base.index > 0) {
      await expect(again.log.read(base.index, at(301), 1)).rejects.toThrow(/retained/);
    }
  });

  it("goes on after everything was purged", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 50, 4) });
    await session.cover(49, 4);
    await session.log.purge({ index: at(49), term: 4 as Term });
    await session.persist({ entries: commandEntries(50, 60, 4) });
    const again = await restart();
    expect(again.log.recovered.last).toEqual({ index: 59, term: 4 });
    expect(await again.readAll(50)).toEqual(commandEntries(50, 60, 4));
  });
}

function describeLifecycle({ open, restart, fixture }: ContractTools): void {
  it("writes what is queued before it closes", async () => {
    const session = await open();
    session.write({ entries: commandEntries(1, 20) });
    session.write({ entries: commandEntries(20, 40) });
    const again = await restart();
    expect(session.persistedTo).toBe(2);
    expect(await again.readAll()).toEqual(commandEntries(1, 40));
  });

  it("closes twice, and while it closes", async () => {
    const session = await open();
    session.write({ entries: commandEntries(1, 3) });
    await Promise.all([session.log.close(), session.opened.close(), session.opened.close()]);
    await session.opened.close();
  });

  it("refuses a write after it is closed", async () => {
    const session = await open();
    await session.log.close();
    expect(() => session.write({ entries: [commandEntry(1, 1)] })).toThrow(
      expect.objectContaining({ code: "CLOSED" }),
    );
  });

  it("scenario 59: is open once at a time", async () => {
    await open();
    await expect(fixture().storage().open(openOptions())).rejects.toMatchObject({
      code: "DATA_DIR_LOCKED",
    });
  });
}

function at(index: number): LogIndex {
  return index as LogIndex;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
