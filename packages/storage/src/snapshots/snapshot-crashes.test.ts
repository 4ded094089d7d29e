import type { SnapshotLabel } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { nodeSha256 } from "../node/node-sha256.js";
import { sameBytes } from "../sha256.js";
import { crashEverywhere } from "../testing/crash-points.js";
import { commandEntries, entryText, hardStateOf, type LogSession } from "../testing/log-session.js";
import { contentIn, contentOf, createSnapshot, idAt } from "../testing/snapshot-content.js";

const old = contentOf(1, 2000);
const young = contentOf(2, 3000);

function snapshotsOf(session: LogSession) {
  return session.opened.snapshots!;
}

/** Every complete snapshot can be read, and holds what was written under its position. */
async function checkContents(session: LogSession): Promise<readonly number[]> {
  const store = snapshotsOf(session);
  for (const { lastIncluded } of store.retained) {
    const expected = lastIncluded.index === 5 ? old : young;
    expect(sameBytes(await contentIn(store, lastIncluded), expected)).toBe(true);
  }
  return store.retained.map(({ lastIncluded }) => lastIncluded.index);
}

function labelOf(content: Uint8Array, index: number, term: number): SnapshotLabel {
  const hash = nodeSha256();
  hash.update(content);
  return { lastIncluded: idAt(index, term), checksum: hash.digest(), bytes: content.length };
}

describe("a crash at every operation", () => {
  it("of making a snapshot leaves the old ones or the new one too", async () => {
    const operations = await crashEverywhere({
      prepare: async (session) => {
        await session.persist({ entries: commandEntries(1, 31) });
        await createSnapshot(snapshotsOf(session), idAt(5), old);
      },
      task: (session) => createSnapshot(snapshotsOf(session), idAt(20), young),
      check: async (session, hasEnded) => {
        const found = await checkContents(session);
        expect(hasEnded ? [[5, 20]] : [[5], [5, 20]]).toContainEqual(found);
        expect(session.log.recovered.last.index).toBe(30);
      },
    });
    expect(operations).toBeGreaterThan(10);
  });

  it("of replacing the oldest one leaves as many as are kept, or one more", async () => {
    await crashEverywhere({
      prepare: async (session) => {
        await session.persist({ entries: commandEntries(1, 31) });
        await createSnapshot(snapshotsOf(session), idAt(5), old);
        await createSnapshot(snapshotsOf(session), idAt(20), young);
      },
      task: (session) => createSnapshot(snapshotsOf(session), idAt(30), young),
      check: async (session, hasEnded) => {
        const found = await checkContents(session);
        const possible = hasEnded
          ? [[20, 30]]
          : [
              [5, 20],
              [20, 30],
            ];
        expect(possible).toContainEqual(found);
      },
    });
  });

  it("scenario 43: of receiving one leaves none of it or all, and takes it up again", async () => {
    const label = labelOf(young, 50, 3);
    await crashEverywhere({
      prepare: async (session) => {
        await session.persist({ entries: commandEntries(1, 31) });
        await createSnapshot(snapshotsOf(session), idAt(5), old);
      },
      task: async (session) => {
        const first = await snapshotsOf(session).receive(label);
        await first.write(young.subarray(0, 1000));
        await first.suspend();
        const second = await snapshotsOf(session).receive(label);
        await second.write(young.subarray(second.bytes, 2000));
        await second.suspend();
        const third = await snapshotsOf(session).receive(label);
        await third.write(young.subarray(third.bytes));
        await third.commit();
      },
      check: async (session, hasEnded) => {
        const found = await checkContents(session);
        expect(hasEnded ? [[5, 50]] : [[5], [5, 50]]).toContainEqual(found);
        if (found.includes(50)) return;
        const writer = await snapshotsOf(session).receive(label);
        expect([0, 1000, 2000, 3000]).toContain(writer.bytes);
        await writer.write(young.subarray(writer.bytes));
        await writer.suspend();
      },
    });
  });

  it("scenario 43: of installing one leaves the old state or the new, never a mix", async () => {
    const label = labelOf(young, 50, 3);
    const before = commandEntries(1, 31);
    const behind = commandEntries(51, 54, 4);
    await crashEverywhere({
      prepare: async (session) => {
        await session.persist({ entries: before, hardState: hardStateOf(1, 2) });
        await createSnapshot(snapshotsOf(session), idAt(5), old);
      },
      task: async (session) => {
        const writer = await snapshotsOf(session).receive(label);
        await writer.write(young);
        await writer.commit();
        await session.persist({ reset: label.lastIncluded, hardState: hardStateOf(4) });
        await session.persist({ entries: behind });
      },
      check: async (session, hasEnded) => {
        const found = await checkContents(session);
        const { base, last, commitIndex, hardState } = session.log.recovered;
        const entries = (await session.readAll()).map(entryText);
        if (!found.includes(50)) {
          expect(hasEnded).toBe(false);
          expect({ base, entries }).toEqual({ base: idAt(0, 0), entries: before.map(entryText) });
          expect(commitIndex).toBe(5);
          return;
        }
        expect(base).toEqual(label.lastIncluded);
        expect(commitIndex).toBe(50);
        expect(hardState!.term).toBeGreaterThanOrEqual(3);
        expect(entries).toEqual(behind.slice(0, last.index - 50).map(entryText));
        if (hasEnded) expect(last).toEqual(idAt(53, 4));
      },
    });
  });
});
