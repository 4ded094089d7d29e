import { type EngineError, isEngineError } from "@d-engine/core";
import type { KvEvent } from "@d-engine/kv";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LocalWatch, WatchSpec } from "./local-watch.js";
import type { Change } from "./testing/event-log.js";
import {
  between,
  eventText,
  type HubParts,
  oneKey,
  prefixed,
  startHub,
} from "./testing/watched.js";

/**
 * The slow twin: a watch is a filter over the list of all events. What a reader got is compared with
 * that after every message, and at the end nothing may be missing (W1-W9).
 */
describe("WatchHub", () => {
  it("gives every watch what a filter over all events gives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100, size: "max" }), async (plan) => {
        const parts = startHub({ watchEventsMax: 12, watchBytesMax: 2_000, watchSliceEvents: 4 });
        const readers: Reader[] = [];
        for (const one of plan) await run(one, parts, readers);
        for (let at = 0; at < 200 && parts.hub.metrics().watchesBehind > 0; at += 1) {
          for (const reader of readers) reader.readAll();
          await parts.clock.turn();
        }
        for (const reader of readers) reader.checkComplete();
      }),
      { numRuns: 300 },
    );
  });
});

const key = fc.constantFrom("a", "ab", "abc", "b", "c");
const change = fc.tuple(key, fc.option(fc.constantFrom("1", "22"), { nil: undefined }));
const changes: fc.Arbitrary<Change[]> = fc.uniqueArray(change, {
  minLength: 1,
  maxLength: 4,
  selector: ([name]) => name,
});
const rest = fc.record({
  startRevision: fc.oneof(fc.nat(4), fc.nat(30)),
  prevKv: fc.boolean(),
  noPut: fc.boolean(),
  noDelete: fc.boolean(),
});
const spec = fc.oneof(
  fc.tuple(key, rest).map(([name, more]) => oneKey(name, more)),
  fc.tuple(fc.constantFrom("", "a", "ab"), rest).map(([name, more]) => prefixed(name, more)),
  rest.map((more) => between("ab", "c", more)),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("write" as const), changes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("watch" as const), spec }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("read" as const),
      reader: fc.nat(5),
      bytesMax: fc.constantFrom(1, 200, 10_000),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("progress" as const), reader: fc.nat(5) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("compact" as const), back: fc.nat(10) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("install" as const),
      commands: fc.array(changes, { maxLength: 4 }),
      back: fc.nat(10),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function run(one: Step, { clock, log, hub }: HubParts, readers: Reader[]): Promise<void> {
  const compactTo = (back: number): number =>
    Math.max(log.oldestEventRevision, log.revision - back);
  switch (one.kind) {
    case "write":
      log.change(...one.changes);
      break;
    case "watch":
      try {
        readers.push(new Reader(hub.watch(one.spec), one.spec, log));
      } catch (error) {
        expect(error).toMatchObject({ code: "COMPACTED", oldestRevision: log.oldestEventRevision });
        expect(one.spec.startRevision).toBeLessThan(log.oldestEventRevision);
      }
      break;
    case "read":
      readers[one.reader]?.read(one.bytesMax);
      break;
    case "progress":
      readers[one.reader]?.watch.requestProgress();
      break;
    case "turn":
      await clock.turn();
      break;
    case "compact":
      log.compact(compactTo(one.back));
      break;
    case "install":
      log.install(one.commands, compactTo(one.back));
      break;
  }
}

class Reader {
  readonly watch: LocalWatch;
  readonly #spec: WatchSpec;
  readonly #all: readonly KvEvent[];
  readonly #start: number;
  readonly #received: string[] = [];
  #reached = 0;
  #ended: EngineError | undefined;

  constructor(watch: LocalWatch, spec: WatchSpec, log: { all: KvEvent[]; revision: number }) {
    this.watch = watch;
    this.#spec = spec;
    this.#all = log.all;
    this.#start = spec.startRevision || log.revision + 1;
  }

  /** Reads one message; says whether there was any. */
  read(bytesMax?: number): boolean {
    if (this.#ended !== undefined) return false;
    try {
      const message = this.watch.take(bytesMax);
      if (message === undefined) return false;
      if (message.kind === "events") {
        this.#received.push(...message.events.map(eventText));
        expect(message.revision).toBeGreaterThan(this.#reached);
      }
      expect(message.revision).toBeGreaterThanOrEqual(this.#reached);
      this.#reached = message.revision;
      // All that there are up to here, whole revisions, and nothing beyond.
      expect(this.#received).toEqual(this.#expected(this.#reached));
      return true;
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.#ended = error;
      return false;
    }
  }

  readAll(): void {
    while (this.read());
  }

  checkComplete(): void {
    this.readAll();
    if (this.#ended === undefined) expect(this.#received).toEqual(this.#expected(Infinity));
    else expect(["COMPACTED", "WATCH_BUFFER_OVERFLOW"]).toContain(this.#ended.code);
  }

  #expected(upTo: number): string[] {
    const { rangeEnd, prevKv, noPut, noDelete } = this.#spec;
    const from = Buffer.from(this.#spec.key);
    return this.#all.flatMap((event) => {
      const bytes = Buffer.from(event.key, "latin1");
      const isAt = Buffer.compare(bytes, from);
      const within =
        rangeEnd === undefined
          ? isAt === 0
          : isAt >= 0 && (rangeEnd.length === 0 || Buffer.compare(bytes, rangeEnd) < 0);
      const filtered = event.record === undefined ? noDelete : noPut;
      if (!within || filtered || event.revision < this.#start || event.revision > upTo) return [];
      return [eventText(prevKv ? event : { ...event, previous: undefined })];
    });
  }
}
