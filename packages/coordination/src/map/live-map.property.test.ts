import { EngineError } from "@d-engine/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import { type BedClient, follow, StoreBed } from "../../test/bed/index.js";
import type { LiveMap } from "./live-map.js";
import { map } from "./map.js";

type Step =
  | { readonly kind: "move"; readonly from: number; readonly to: number; readonly by: number }
  | { readonly kind: "delete" | "restore"; readonly key: number }
  | { readonly kind: "cut" | "heal" | "compact" | "outage" }
  | { readonly kind: "break"; readonly code: "CLUSTER_UNAVAILABLE" | "WATCH_BUFFER_OVERFLOW" }
  | { readonly kind: "wait"; readonly ms: number };

const keys = ["a", "b", "c", "d"];
const key = fc.nat({ max: keys.length - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("move"), from: key, to: key, by: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("delete", "restore"), key }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("cut", "heal", "compact", "outage") }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("break"),
      code: fc.constantFrom("CLUSTER_UNAVAILABLE", "WATCH_BUFFER_OVERFLOW"),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("wait"), ms: fc.nat(400) }) },
) as fc.Arbitrary<Step>;

/** A store, a writer that always gets through, and a map whose process does not. */
class Run {
  readonly bed = new StoreBed();
  readonly #writer = this.bed.client();
  readonly reader: BedClient = this.bed.client();
  /** What the store held under the prefix, by revision. */
  readonly states = new Map<number, string>([[0, "[]"]]);
  readonly #values = new Map<string, number>();

  constructor() {
    // A reader that does not ask for a fresh state is given an older one, from now on.
    this.bed.staleBy = 2;
  }

  async perform(step: Step): Promise<void> {
    const { bed, reader } = this;
    switch (step.kind) {
      case "move":
        return await this.#move(keys[step.from] ?? "", keys[step.to] ?? "", step.by);
      case "delete":
        return await this.#put(new Map([[keys[step.key] ?? "", undefined]]));
      case "restore":
        return await this.#put(new Map([[keys[step.key] ?? "", 100]]));
      case "cut":
        return reader.cut();
      case "heal":
        return reader.heal();
      case "compact":
        if (bed.machine.revision > 0) bed.compact(bed.machine.revision);
        return reader.breakWatches(new EngineError("COMPACTED", "too old"));
      case "outage":
        bed.goDown();
        await bed.clock.advance(50);
        return bed.comeUp();
      case "break":
        return reader.breakWatches(new EngineError(step.code, "as the test wants"));
      case "wait":
        return await bed.clock.advance(step.ms);
    }
  }

  /** Two keys at one revision: whoever shows one of them without the other is found out. */
  async #move(from: string, to: string, by: number): Promise<void> {
    if (from === to || !this.#values.has(from) || !this.#values.has(to)) return;
    const rest = (this.#values.get(from) ?? 0) - by;
    await this.#put(
      new Map([
        [from, rest],
        [to, (this.#values.get(to) ?? 0) + by],
      ]),
    );
  }

  async #put(changes: ReadonlyMap<string, number | undefined>): Promise<void> {
    let txn = this.#writer.txn();
    for (const [name, value] of changes) {
      if (value === undefined) {
        txn = txn.then({ kind: "delete", keys: `m/${name}` });
        this.#values.delete(name);
      } else {
        txn = txn.then({ kind: "put", key: `m/${name}`, value: String(value) });
        this.#values.set(name, value);
      }
    }
    const done = follow(txn.commit());
    await this.bed.clock.advanceUntil(() => done.isSettled, 1_000);
    expect(done.error).toBeUndefined();
    this.states.set(done.value?.revision ?? -1, JSON.stringify([...this.#values].sort()));
  }
}

/** Every state that the map shows, taken at each of its changes. */
async function record(shown: [number, string][], live: LiveMap<number>): Promise<void> {
  for await (const _ of live.changes()) {
    shown.push([live.revision, JSON.stringify(live.entries())]);
  }
}

it("a map shows states that the store had, in their order, and the last one in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const run = new Run();
      const live = map<number>(run.reader, "m/");
      const shown: [number, string][] = [];
      void record(shown, live);
      for (const name of [0, 1, 2]) await run.perform({ kind: "restore", key: name });
      for (const one of steps) await run.perform(one);
      run.reader.heal();
      await run.bed.clock.advance(15_000);
      shown.push([live.revision, JSON.stringify(live.entries())]);
      let last = 0;
      for (const [revision, entries] of shown) {
        expect(revision).toBeGreaterThanOrEqual(last);
        last = revision;
        expect(entries).toBe(stateAt(run.states, revision));
      }
      expect(live.state).toBe("live");
      expect(shown.at(-1)?.[1]).toBe([...run.states.values()].at(-1));
      await live.close();
    }),
    { numRuns: 60 },
  );
});

/** The state of the last change up to a revision. */
function stateAt(states: ReadonlyMap<number, string>, revision: number): string | undefined {
  let found: string | undefined;
  for (const [at, state] of states) if (at <= revision) found = state;
  return found;
}
