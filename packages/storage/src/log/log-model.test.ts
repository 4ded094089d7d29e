import type { Entry, LogIndex, Term } from "@d-engine/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyWrite, lastOf, newMemoryLogContent } from "../memory/memory-log-content.js";
import { commandEntries, entryText, hardStateOf, type LogSession } from "../testing/log-session.js";
import { SimulatedStorage } from "../testing/simulated-storage.js";

type Step =
  | {
      readonly kind: "append";
      readonly count: number;
      readonly bytes: number;
      readonly vote: boolean;
    }
  | { readonly kind: "overwrite"; readonly back: number; readonly count: number }
  | { readonly kind: "purge"; readonly back: number }
  | { readonly kind: "read"; readonly from: number; readonly count: number; readonly bytes: number }
  | { readonly kind: "wait" | "idle" | "restart" | "kill" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      count: fc.integer({ min: 0, max: 12 }),
      bytes: fc.integer({ min: 0, max: 700 }),
      vote: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("overwrite" as const),
      back: fc.integer({ min: 0, max: 15 }),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("purge" as const),
      back: fc.integer({ min: 0, max: 20 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      from: fc.nat(30),
      count: fc.integer({ min: 1, max: 30 }),
      bytes: fc.integer({ min: 1, max: 5000 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("wait" as const, "idle" as const, "restart" as const, "kill" as const),
    }),
  },
);

/** Runs steps on a log and on an array, and compares the two after each. */
class TwinRun {
  readonly storage: SimulatedStorage;
  readonly twin = newMemoryLogContent();
  #session: LogSession;
  #lastBatch = 0;
  #term = 1;
  /** Purged positions: entries at or below may be gone. */
  #purgedTo = 0;

  constructor(storage: SimulatedStorage, session: LogSession) {
    this.storage = storage;
    this.#session = session;
  }

  async run(step: Step): Promise<void> {
    switch (step.kind) {
      case "append":
        if (step.vote) this.#term++;
        this.#write(lastOf(this.twin).index + 1, step.count, "a".repeat(step.bytes), step.vote);
        break;
      case "overwrite": {
        this.#term++;
        const lowest = this.#purgedTo + 1;
        const first = Math.max(lowest, lastOf(this.twin).index + 1 - step.back);
        this.#write(first, step.count, "overwritten", false);
        break;
      }
      case "purge":
        await this.#purge(step.back);
        break;
      case "read":
        await this.#read(step);
        break;
      default:
        await this.#pass(step.kind);
    }
  }

  async end(): Promise<void> {
    await this.#pass("restart");
    const { log } = this.#session;
    const { base, last, hardState } = log.recovered;
    expect(last).toEqual(lastOf(this.twin));
    expect(hardState).toEqual(this.twin.hardState);
    expect(base.index).toBeLessThanOrEqual(this.#purgedTo);
    const all = await this.#session.readAll();
    expectSame(
      all,
      this.twin.entries.filter((entry) => entry.index > base.index),
    );
  }

  #write(first: number, count: number, text: string, vote: boolean): void {
    const entries = commandEntries(first, first + count, this.#term, text);
    const hardState = vote ? hardStateOf(this.#term, 2) : undefined;
    const batch = this.#session.write({ entries, hardState });
    applyWrite(this.twin, { batch, entries, hardState, commitIndex: 0 as LogIndex });
    this.#lastBatch = batch;
  }

  async #purge(back: number): Promise<void> {
    await this.#session.until(this.#lastBatch);
    const index = lastOf(this.twin).index - back;
    const entry = this.twin.entries[index - 1];
    if (entry === undefined) return;
    this.#purgedTo = Math.max(this.#purgedTo, index);
    await this.#session.cover(index, entry.term);
    await this.#session.log.purge({ index: index as LogIndex, term: entry.term as Term });
  }

  async #read({ from, count, bytes }: Step & { kind: "read" }): Promise<void> {
    const last = lastOf(this.twin).index;
    const first = this.#purgedTo + 1 + from;
    if (first > last) return;
    const to = Math.min(last + 1, first + count);
    const found = await this.#session.log.read(first as LogIndex, to as LogIndex, bytes);
    expect(found.length).toBeGreaterThan(0);
    expectSame(found, this.twin.entries.slice(first - 1, first - 1 + found.length));
    const all = await this.#session.log.read(first as LogIndex, to as LogIndex, 1e9);
    expectSame(all, this.twin.entries.slice(first - 1, to - 1));
  }

  async #pass(kind: "wait" | "idle" | "restart" | "kill"): Promise<void> {
    if (kind === "restart") await this.#session.opened.close();
    await this.#session.until(this.#lastBatch);
    if (kind === "idle") await this.storage.idle();
    if (kind === "kill") this.storage.disk.kill();
    if (kind === "wait" || kind === "idle") return;
    this.#session = await this.storage.open();
    this.#lastBatch = 0;
  }
}

/** Compares as texts: comparing byte arrays takes vitest most of the test. */
function expectSame(found: readonly Entry[], expected: readonly Entry[]): void {
  expect(found.map(entryText)).toEqual(expected.map(entryText));
}

describe("FileLog", () => {
  it("holds what an array would, whatever is done in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer(), async (steps, seed) => {
        const storage = new SimulatedStorage(seed, { segmentBytes: 8192, batchBytesMax: 2048 });
        const run = new TwinRun(storage, await storage.open());
        for (const next of steps) await run.run(next);
        await run.end();
      }),
      { numRuns: 150 },
    );
  });
});
