import type { LogId, LogIndex, Term } from "@d-engine/core";
import { expect, it } from "vitest";
import type { ContractTools } from "./contract-tools.js";
import { commandEntries, commandEntry, hardStateOf, type LogSession } from "./log-session.js";

/** What an installed snapshot does to a log (rule R9); a part of `describeLogStore`. */
export function describeResets({ open, restart, fixture, forget }: ContractTools): void {
  const label = idOf(100, 7);

  /** A snapshot and the write that its installation makes. */
  async function install(session: LogSession, entries = commandEntries(101, 104, 8)) {
    await session.cover(label.index, label.term);
    return session.write({ hardState: hardStateOf(8), reset: label, entries });
  }

  it("goes on behind the label of an installed snapshot, over a restart too", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 30, 1) });
    await session.until(await install(session));
    const entries = [...commandEntries(101, 104, 8), ...commandEntries(104, 106, 9)];
    await session.persist({ entries: commandEntries(104, 106, 9) });
    expect(await session.log.read(at(101), at(106), 1e6)).toEqual(entries);
    const again = await restart();
    expect(again.log.recovered).toEqual({
      hardState: hardStateOf(8),
      base: label,
      last: { index: 105, term: 9 },
      commitIndex: 100,
      termRuns: [
        { index: 101, term: 8 },
        { index: 104, term: 9 },
      ],
    });
    expect(await again.readAll()).toEqual(entries);
  });

  it("scenario 47: knows the term at its end when it is empty behind a snapshot", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 30, 1) });
    await session.until(await install(session, []));
    const { base, last, commitIndex, termRuns } = (await restart()).log.recovered;
    expect({ base, last, commitIndex, termRuns }).toEqual({
      base: label,
      last: label,
      commitIndex: 100,
      termRuns: [],
    });
  });

  it("reads nothing below a reset, queued or durable", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 30, 1) });
    session.write({ entries: commandEntries(30, 40, 1) });
    const batch = await install(session);
    for (let round = 0; round < 2; round++) {
      for (const index of [1, 29, 35, 100]) {
        await expect(session.log.read(at(index), at(index + 1), 1e6)).rejects.toMatchObject({
          code: "INVALID_REQUEST",
          message: expect.stringContaining("[101, 104) are retained"),
        });
      }
      expect(await session.log.read(at(101), at(104), 1e6)).toEqual(commandEntries(101, 104, 8));
      await session.until(batch);
    }
  });

  it("takes resets, entries and overwritten entries of one group in their order", async () => {
    const session = await open();
    await session.cover(100, 7);
    await session.cover(200, 9);
    session.write({ entries: commandEntries(1, 20, 1) });
    session.write({ reset: label, entries: commandEntries(101, 110, 8) });
    session.write({ entries: commandEntries(103, 106, 9) });
    session.write({ reset: idOf(200, 9), entries: [commandEntry(201, 9)] });
    const last = session.write({ entries: commandEntries(202, 204, 10) });
    const expected = [commandEntry(201, 9), ...commandEntries(202, 204, 10)];
    expect(await session.log.read(at(201), at(204), 1e6)).toEqual(expected);
    await session.until(last);
    expect(await session.log.read(at(201), at(204), 1e6)).toEqual(expected);
    const again = await restart();
    expect(again.log.recovered.base).toEqual(idOf(200, 9));
    expect(await again.readAll()).toEqual(expected);
  });

  it("scenario 48: entries behind a reset do not come back, whatever stood there", async () => {
    const session = await open();
    // Longer than the label, in another term, as a deposed leader leaves it.
    await session.persist({ entries: commandEntries(1, 150, 2) });
    await session.until(await install(session, []));
    const again = await restart();
    expect(again.log.recovered.last).toEqual(label);
    await again.persist({ entries: commandEntries(101, 103, 8) });
    expect((await restart()).log.recovered.last).toEqual({ index: 102, term: 8 });
  });

  it("gives up what a reset made void, and what a snapshot covers behind it", async () => {
    const session = await open();
    for (let index = 1; index <= 300; index += 3) {
      await session.persist({ entries: commandEntries(index, index + 3, 1, "p".repeat(200)) });
    }
    const before = session.log.bytes;
    await session.cover(400, 7);
    await session.persist({ reset: idOf(400, 7), entries: commandEntries(401, 404, 8) });
    expect(session.log.purgePoint(at(399), 0)).toBeUndefined();
    const point = session.log.purgePoint(at(400), 1e9);
    if (point !== undefined) {
      expect(point).toEqual(idOf(400, 7));
      await session.log.purge(point);
    }
    expect(session.log.bytes).toBeLessThan(before);
    expect((await restart()).log.recovered.base).toEqual(idOf(400, 7));
    expect(await (await restart()).readAll()).toEqual(commandEntries(401, 404, 8));
  });

  it("says how far it can be purged, keeping a tail", async () => {
    const session = await open();
    for (let index = 1; index <= 300; index += 3) {
      await session.persist({ entries: commandEntries(index, index + 3, 1, "p".repeat(200)) });
    }
    expect(session.log.purgePoint(at(300), 1e9)).toBeUndefined();
    const all = session.log.purgePoint(at(300), 0)!;
    const tail = session.log.purgePoint(at(300), 30_000)!;
    const low = session.log.purgePoint(at(100), 0)!;
    expect(low.index).toBeLessThanOrEqual(100);
    expect(tail.index).toBeLessThan(all.index);
    expect(all.index).toBeLessThanOrEqual(300);
    expect(all.term).toBe(1);
    await session.cover(300, 1);
    await session.log.purge(tail);
    const kept = await session.log.read(at(tail.index + 1), at(301), 1e6);
    expect(kept).toHaveLength(300 - tail.index);
    // 200 bytes of command an entry: what is kept is the tail that was asked for, at least.
    expect(kept.length * 250).toBeGreaterThanOrEqual(30_000);
    expect((await restart()).log.recovered.base).toEqual(tail);
  });

  it("I7: has the old log or the snapshot's when it ends without warning", async () => {
    const session = await open();
    await session.persist({ entries: commandEntries(1, 30, 1) });
    await install(session);
    const { crash } = fixture();
    if (crash === undefined) return;
    crash();
    forget();
    const again = await open();
    const { base, last, hardState } = again.log.recovered;
    // The snapshot is complete, so it is laid over whatever the log holds.
    expect(base).toEqual(label);
    expect([100, 101, 102, 103]).toContain(last.index);
    expect(hardState!.term).toBeGreaterThanOrEqual(label.term);
    expect(await again.readAll()).toEqual(commandEntries(101, last.index + 1, 8));
  });
}

function idOf(index: number, term: number): LogId {
  return { index: index as LogIndex, term: term as Term };
}

function at(index: number): LogIndex {
  return index as LogIndex;
}
