import type { LogIndex } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { commandEntry } from "../testing/log-session.js";
import { SimulatedStorage } from "../testing/simulated-storage.js";

const second = "/data/log/0000000000000002.log";

describe("the commit index in the log (rule R8)", () => {
  it("is not on the disk before the entries it speaks about, when a segment ends between", async () => {
    const storage = new SimulatedStorage(5);
    const session = await storage.open();
    let writes = 0;
    // The first write to the next segment is its head; the second would be the entries.
    storage.disk.fail(
      ({ kind, path }) => kind === "write" && path === second && ++writes === 2,
      "EIO",
    );
    let index = 1;
    for (let term = 1; session.failures.length === 0; term += 2) {
      // Two entries of which the second is replaced by a larger one, and committed with that.
      const replaced = [commandEntry(index, term), commandEntry(index + 1, term)];
      await session.persist({ entries: replaced, commitIndex: (index - 1) as LogIndex });
      const entries = [commandEntry(index + 1, term + 1, "x".repeat(3_500))];
      const batch = session.write({ entries, commitIndex: (index + 1) as LogIndex });
      await session.until(batch).catch(() => undefined);
      index += 2;
    }
    storage.disk.powerLoss();
    storage.disk.heal();
    const { log } = await storage.open();
    // The last entry is the one that was to be replaced: nobody ever committed it.
    expect(log.recovered.last.index).toBe(index - 1);
    expect(log.recovered.commitIndex).toBeLessThan(index - 1);
  });

  it("is not on the disk before the entries it speaks about, when a write is divided", async () => {
    const storage = new SimulatedStorage(6);
    const session = await storage.open();
    await session.persist({ entries: [commandEntry(1, 1), commandEntry(2, 1)] });
    let writes = 0;
    storage.disk.fail(({ kind }) => kind === "write" && ++writes === 2, "EIO");
    // The entry needs a batch of its own, so that the hard state goes first.
    const batch = session.write({
      hardState: { term: 2 as never, votedFor: undefined, minElectionTimeoutMs: 1 },
      entries: [commandEntry(1, 2, "x".repeat(5_000))],
      commitIndex: 1 as LogIndex,
    });
    await expect(session.until(batch)).rejects.toThrow("EIO");
    storage.disk.powerLoss();
    storage.disk.heal();
    const { log } = await storage.open();
    expect(log.recovered.hardState?.term).toBe(2);
    expect(log.recovered.last.term).toBe(1);
    expect(log.recovered.commitIndex).toBe(0);
  });
});
