import { crc32 } from "node:zlib";
import type { BatchId, Entry, HardState, LogIndex, LogWrite, Random } from "@d-engine/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileStorage } from "../file-storage.js";
import {
  applyWrite,
  lastOf,
  type MemoryLogContent,
  newMemoryLogContent,
} from "../memory/memory-log-content.js";
import { nodeSha256 } from "../node/node-sha256.js";
import {
  commandEntries,
  entryText,
  hardStateOf,
  LogSession,
  openOptions,
} from "../testing/log-session.js";
import { ManualClock } from "../testing/manual-clock.js";
import { randomBytesOf, seededRandom } from "../testing/seeded-random.js";
import { SimulatedDisk } from "../testing/simulated-disk.js";
import { settled } from "../testing/simulated-storage.js";

const tuning = { segmentBytes: 8192, batchBytesMax: 2048, spareSegmentsMax: 1 };

/**
 * A follower that lives through crashes. `content` is what the log must hold at least; `written`
 * what was handed over since the last start, in order; `committed` what its leader has committed,
 * whether it is in this log or not: it is sent again until it is.
 */
class CrashingNode {
  readonly disk: SimulatedDisk;
  readonly clock = new ManualClock();
  readonly #random: Random;
  readonly #powerLossShare: number;
  #operationsLeft = Number.POSITIVE_INFINITY;
  #hasCrashed = false;
  #onCrash: () => void = () => undefined;
  content: MemoryLogContent = newMemoryLogContent();
  #written: LogWrite[] = [];
  readonly #committed: Entry[] = [];
  #purgedTo = 0;
  #term = 1;

  constructor(seed: number, powerLossShare: number) {
    this.#random = seededRandom(seed);
    this.#powerLossShare = powerLossShare;
    this.disk = new SimulatedDisk({ random: this.#random, schedule: (_, run) => this.#step(run) });
  }

  /** One life: start, check, write at random, end in the middle of some operation. */
  async live(operations: number): Promise<void> {
    this.#hasCrashed = false;
    this.#operationsLeft = Math.floor(this.#random.next() * operations);
    const session = await this.#open();
    if (session === undefined) return;
    this.#check(session);
    await this.#checkEntries(session);
    const twin = cloneOf(this.content);
    while (!this.#hasCrashed) {
      this.#act(session, twin);
      if (this.#random.next() < 0.7) await settled();
    }
    const persisted = session.persistedTo;
    for (const write of this.#written.slice(0, persisted)) applyWrite(this.content, write);
    this.#written = this.#written.slice(persisted);
  }

  /** A last start without a crash. */
  async end(): Promise<void> {
    this.#operationsLeft = Number.POSITIVE_INFINITY;
    this.#hasCrashed = false;
    const session = (await this.#open())!;
    this.#check(session);
    await this.#checkEntries(session);
  }

  #step(run: () => void): void {
    if (this.#hasCrashed) return;
    if (--this.#operationsLeft > 0) {
      queueMicrotask(run);
      return;
    }
    this.#hasCrashed = true;
    if (this.#random.next() < this.#powerLossShare) this.disk.powerLoss();
    else this.disk.kill();
    this.#onCrash();
  }

  /** `undefined` when it crashed while it started. */
  async #open(): Promise<LogSession | undefined> {
    const storage = new FileStorage({
      ...tuning,
      directory: "/data",
      fileSystem: this.disk.fileSystem,
      clock: this.clock,
      crc32,
      sha256: nodeSha256,
      randomBytes: randomBytesOf(this.#random),
    });
    const opening = storage.open(openOptions());
    const opened = await Promise.race([opening, this.#crashed()]);
    return opened === undefined ? undefined : new LogSession(opened);
  }

  /** Ends when the process does: what it waits for never comes. */
  #crashed(): Promise<undefined> {
    if (this.#hasCrashed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#onCrash = () => resolve(undefined);
    });
  }

  #act(session: LogSession, twin: MemoryLogContent): void {
    const dice = this.#random.next();
    if (dice < 0.1) this.clock.advance(25);
    else if (dice < 0.15) this.#purge(session, twin);
    else this.#write(session, twin);
  }

  #purge(session: LogSession, twin: MemoryLogContent): void {
    // Only what is durable and committed may be purged: here, what was when this life began.
    const durable = Math.min(this.#matching(this.content), this.#matching(twin));
    const index = Math.min(this.#purgedTo + 10, durable) as LogIndex;
    const entry = twin.entries[index - 1];
    if (entry === undefined) return;
    this.#purgedTo = Math.max(this.#purgedTo, index);
    // It may never end: the process dies in the middle of it.
    void session
      .cover(index, entry.term)
      .then(() => session.log.purge({ index, term: entry.term }));
  }

  #write(session: LogSession, twin: MemoryLogContent): void {
    const hardState = this.#random.next() < 0.3 ? hardStateOf(++this.#term, 1) : undefined;
    const entries = this.#entriesFor(twin);
    const after = cloneOf(twin);
    const content = { batch: 0 as BatchId, hardState, entries };
    applyWrite(after, { ...content, commitIndex: 0 as LogIndex });
    this.#commitSome(after);
    const behind = Math.floor(this.#random.next() * 3);
    const commitIndex = Math.max(0, this.#matching(after) - behind) as LogIndex;
    const batch = session.write({ ...content, commitIndex });
    const write = { ...content, batch, commitIndex };
    applyWrite(twin, write);
    this.#written.push(write);
  }

  /** What is committed and missing here, if anything is; else entries of a new or the same term. */
  #entriesFor(twin: MemoryLogContent): readonly Entry[] {
    const matching = this.#matching(twin);
    const count = Math.floor(this.#random.next() * 6);
    if (matching < this.#committed.length) {
      return this.#committed.slice(matching, matching + 1 + count);
    }
    const last = lastOf(twin).index;
    const isConflict = this.#random.next() < 0.2;
    if (isConflict) this.#term++;
    const back = isConflict ? Math.floor(this.#random.next() * (last - matching + 1)) : 0;
    const first = last + 1 - back;
    const text = "e".repeat(Math.floor(this.#random.next() * 900));
    return commandEntries(first, first + count, this.#term, text);
  }

  /** Commits a part of what this log holds, if it holds all that is committed. */
  #commitSome(after: MemoryLogContent): void {
    if (this.#matching(after) < this.#committed.length || this.#random.next() < 0.5) return;
    const more = Math.floor(
      this.#random.next() * (after.entries.length - this.#committed.length + 1),
    );
    const from = this.#committed.length;
    this.#committed.push(...after.entries.slice(from, from + more));
  }

  /** Up to which index a log holds what is committed. */
  #matching(content: MemoryLogContent): number {
    const differs = this.#committed.findIndex((entry, i) => {
      const other = content.entries[i];
      return other === undefined || entryText(other) !== entryText(entry);
    });
    return differs < 0 ? this.#committed.length : differs;
  }

  /** What was recovered is what was durable plus a prefix of what was not acknowledged. */
  #check(session: LogSession): void {
    const { hardState, last, base, commitIndex } = session.log.recovered;
    expect(base.index).toBeLessThanOrEqual(this.#purgedTo);
    const candidates = possibleContents(this.content, this.#written);
    const found = candidates.find(
      (candidate) =>
        lastOf(candidate).index === last.index &&
        lastOf(candidate).term === last.term &&
        sameHardState(candidate.hardState, hardState),
    );
    expect(
      found,
      `recovered (${last.index}, ${last.term}), hard state ${hardState?.term}`,
    ).toBeDefined();
    this.content = found!;
    this.#written = [];
    expect(commitIndex, "what it takes for committed is").toBeLessThanOrEqual(
      this.#matching(this.content),
    );
  }

  async #checkEntries(session: LogSession): Promise<void> {
    const entries = await Promise.race([session.readAll(), this.#crashed()]);
    if (entries === undefined) return;
    const { base, termRuns } = session.log.recovered;
    const expected = this.content.entries.filter((entry) => entry.index > base.index);
    expect(entries.map(entryText)).toEqual(expected.map(entryText));
    expect(termRuns.map((run) => run.term)).toEqual([...new Set(expected.map((e) => e.term))]);
    const beforeBase = this.content.entries[base.index - 1];
    if (beforeBase !== undefined) expect(base.term).toBe(beforeBase.term);
  }
}

/** The content after each prefix of the writes, parts of a write that was divided included. */
function possibleContents(
  content: MemoryLogContent,
  writes: readonly LogWrite[],
): readonly MemoryLogContent[] {
  const possible = [cloneOf(content)];
  const current = cloneOf(content);
  for (const write of writes) {
    for (let count = 0; count < write.entries.length; count++) {
      const part = cloneOf(current);
      applyWrite(part, { ...write, entries: write.entries.slice(0, count) });
      possible.push(part);
    }
    applyWrite(current, write);
    possible.push(cloneOf(current));
  }
  return possible;
}

function cloneOf(content: MemoryLogContent): MemoryLogContent {
  return { ...content, entries: [...content.entries] as Entry[] };
}

function sameHardState(a: HardState | undefined, b: HardState | undefined): boolean {
  return a?.term === b?.term && a?.votedFor === b?.votedFor;
}

/** Crashes that once lost something, each found by this test or the simulator. */
const pinned: [seed: number, operations: number][] = [
  // A name that only the page cache knew was relied on after a restart: a segment, the identity.
  [2147483632, 126],
  [-1097160242, 105],
  // A commit index was on the disk before the entries it spoke about: at a roll, in a part.
  [-2067566773, 128],
  [-28, 66],
  [-1310383123, 111],
];

describe("a log that lives through crashes", () => {
  it.each([
    { name: "power losses", powerLossShare: 1 },
    { name: "kills and power losses", powerLossShare: 0.4 },
  ])(
    "scenario 51: keeps every persisted batch, invents none: $name",
    async ({ powerLossShare }) => {
      await fc.assert(
        fc.asyncProperty(
          fc.integer(),
          fc.integer({ min: 5, max: 150 }),
          async (seed, operations) => {
            const node = new CrashingNode(seed, powerLossShare);
            for (let life = 0; life < 8; life++) await node.live(operations);
            await node.end();
          },
        ),
        { numRuns: 60, examples: pinned },
      );
    },
  );
});
