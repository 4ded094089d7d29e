import type { SnapshotLabel, SnapshotStore, SnapshotWriter } from "@d-engine/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nodeSha256 } from "../node/node-sha256.js";
import { hexOf } from "../sha256.js";
import type { LogSession } from "../testing/log-session.js";
import { SimulatedStorage } from "../testing/simulated-storage.js";
import { contentIn, contentOf, idAt } from "../testing/snapshot-content.js";

type Step =
  | { readonly kind: "create" | "receive" | "open"; readonly pick: number }
  | { readonly kind: "write"; readonly pick: number; readonly share: number }
  | { readonly kind: "commit" | "abort" | "suspend" | "release"; readonly pick: number }
  | { readonly kind: "damagedWrite"; readonly pick: number }
  | { readonly kind: "restart" | "kill" | "powerLoss" };

const pick = fc.nat(1000);

function steps<K extends string>(weight: number, ...kinds: K[]) {
  const arbitrary = fc.record({ kind: fc.constantFrom(...kinds), pick, share: fc.nat(100) });
  return { weight, arbitrary };
}

const step = fc.oneof(
  steps(4, "create" as const, "receive" as const),
  steps(8, "write" as const),
  steps(5, "commit" as const),
  steps(1, "abort" as const, "damagedWrite" as const),
  steps(3, "suspend" as const, "open" as const, "release" as const),
  steps(2, "restart" as const, "kill" as const, "powerLoss" as const),
) as fc.Arbitrary<Step>;

/** A writer beside what its file must hold when all goes well. */
interface Attempt {
  readonly writer: SnapshotWriter;
  readonly index: number;
  /** Only for one that is received. */
  readonly label: SnapshotLabel | undefined;
  readonly content: Uint8Array;
  isDamaged: boolean;
}

const lengths = [0, 1, 511, 3000];

/** What everybody's snapshot of this position holds; another position, another content. */
function contentAt(index: number): Uint8Array {
  return contentOf(index, lengths[index % lengths.length]!);
}

function labelAt(index: number): SnapshotLabel {
  const hash = nodeSha256();
  hash.update(contentAt(index));
  const { length } = contentAt(index);
  return { lastIncluded: idAt(index), checksum: hash.digest(), bytes: length };
}

/** Runs steps on a store and on a few plain values, and compares the two after each. */
class TwinRun {
  readonly #storage: SimulatedStorage;
  #session: LogSession | undefined;
  /** Positions of complete snapshots. */
  #complete: number[] = [];
  #attempts: Attempt[] = [];
  #open: { readonly index: number; close(): Promise<void> }[] = [];
  /** What a suspended receipt holds: exactly that is found again. */
  #partial: { readonly index: number; readonly bytes: number } | undefined;

  constructor(seed: number) {
    this.#storage = new SimulatedStorage(seed);
  }

  async run(step: Step): Promise<void> {
    this.#session ??= await this.#storage.open();
    switch (step.kind) {
      case "create":
        await this.#create(1 + (step.pick % 12));
        break;
      case "receive":
        await this.#receive(20 + (step.pick % 3));
        break;
      case "open":
        await this.#openOne(step.pick);
        break;
      case "release":
        await this.#open.splice(step.pick % Math.max(1, this.#open.length), 1)[0]?.close();
        this.#retain();
        break;
      case "restart":
      case "kill":
      case "powerLoss":
        await this.#end(step.kind);
        break;
      default:
        await this.#onAttempt(step);
    }
    await this.#compare();
  }

  get #store(): SnapshotStore {
    return this.#session!.opened.snapshots!;
  }

  async #create(index: number): Promise<void> {
    const writer = await this.#store.create(idAt(index));
    const content = contentAt(index);
    this.#attempts.push({ writer, index, label: undefined, content, isDamaged: false });
  }

  async #receive(index: number): Promise<void> {
    const before = this.#attempts.find(({ label }) => label !== undefined);
    if (before !== undefined) {
      this.#attempts = this.#attempts.filter((other) => other !== before);
      const kept = { index: before.index, bytes: before.writer.bytes };
      this.#partial = before.isDamaged && before.index === index ? undefined : kept;
    }
    const label = labelAt(index);
    const writer = await this.#store.receive(label);
    const { length } = contentAt(index);
    expect(writer.bytes).toBeLessThanOrEqual(length);
    if (this.#partial !== undefined) {
      expect(writer.bytes).toBe(this.#partial.index === index ? this.#partial.bytes : 0);
    }
    const isDamaged = before?.index === index && before.isDamaged;
    this.#partial = undefined;
    this.#attempts.push({ writer, index, label, content: contentAt(index), isDamaged });
  }

  async #openOne(pick: number): Promise<void> {
    const index = this.#complete[pick % Math.max(1, this.#complete.length)];
    if (index === undefined || this.#open.length > 5) return;
    const file = await this.#store.open(idAt(index));
    this.#open.push({ index, close: () => file.close() });
  }

  async #onAttempt(step: Step & { readonly pick: number }): Promise<void> {
    const attempt = this.#attempts[step.pick % Math.max(1, this.#attempts.length)];
    if (attempt === undefined) return;
    const { writer, index, content, label } = attempt;
    const isWrite = step.kind === "write" || step.kind === "damagedWrite";
    if (!isWrite) this.#attempts = this.#attempts.filter((other) => other !== attempt);
    switch (step.kind) {
      case "write": {
        const count = Math.ceil(((content.length - writer.bytes) * step.share) / 100);
        await writer.write(content.subarray(writer.bytes, writer.bytes + count));
        break;
      }
      case "damagedWrite":
        if (label === undefined || writer.bytes === content.length) break;
        await writer.write(Uint8Array.of(content[writer.bytes]! ^ 1));
        attempt.isDamaged = true;
        break;
      case "abort":
        await writer.abort();
        if (label !== undefined) this.#partial = { index, bytes: 0 };
        break;
      case "suspend":
        await writer.suspend();
        if (label === undefined) break;
        // What is damaged is found out at the end, and begun anew then.
        if (attempt.isDamaged) await (await this.#store.receive(label)).abort();
        this.#partial = { index, bytes: attempt.isDamaged ? 0 : writer.bytes };
        break;
      case "commit":
        await this.#commit(attempt);
    }
  }

  async #commit({ writer, index, content, label, isDamaged }: Attempt): Promise<void> {
    if (label === undefined) {
      await writer.write(content.subarray(writer.bytes));
      await writer.commit();
      this.#add(index);
      return;
    }
    this.#partial = { index, bytes: 0 };
    if (writer.bytes === content.length && !isDamaged) {
      expect(await writer.commit()).toEqual(label);
      this.#add(index);
    } else {
      await expect(writer.commit()).rejects.toMatchObject({ code: "DATA_CORRUPTION" });
    }
  }

  #add(index: number): void {
    if (!this.#complete.includes(index)) this.#complete.push(index);
    this.#retain();
  }

  /** The newest two stay, and those that are open. */
  #retain(): void {
    this.#complete.sort((a, b) => a - b);
    const newest = this.#complete.slice(-2);
    const isOpen = (index: number): boolean => this.#open.some((file) => file.index === index);
    this.#complete = this.#complete.filter((index) => newest.includes(index) || isOpen(index));
  }

  async #end(kind: "restart" | "kill" | "powerLoss"): Promise<void> {
    if (kind === "restart") await this.#session!.opened.close();
    else this.#storage.disk[kind]();
    const receipt = this.#attempts.find(({ label }) => label !== undefined);
    if (receipt !== undefined) this.#partial = undefined;
    const isKept = kind === "restart" && receipt !== undefined;
    if (isKept) this.#partial = { index: receipt.index, bytes: receipt.writer.bytes };
    const newest = (): number => Math.max(0, ...this.#complete);
    this.#attempts = [];
    this.#open = [];
    this.#retain();
    this.#session = await this.#storage.open();
    if (isKept && receipt.isDamaged) {
      await (await this.#store.receive(receipt.label!)).abort();
      this.#partial = { index: receipt.index, bytes: 0 };
    }
    // One that holds nothing new is of no use any more.
    if (this.#partial !== undefined && this.#partial.index <= newest()) {
      this.#partial = { index: this.#partial.index, bytes: 0 };
    }
  }

  async #compare(): Promise<void> {
    const found = this.#store.retained.map(({ lastIncluded }) => lastIncluded.index);
    expect(found).toEqual(this.#complete);
    for (const index of found) {
      const content = await contentIn(this.#store, idAt(index));
      expect(hexOf(content)).toBe(hexOf(contentAt(index)));
    }
  }
}

describe("FileSnapshotStore", () => {
  it("has what a few plain values say, whatever is done in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer(), async (all, seed) => {
        const run = new TwinRun(seed);
        for (const next of all) await run.run(next);
      }),
      { numRuns: 150 },
    );
  });
});
