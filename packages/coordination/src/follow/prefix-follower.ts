import type { KeyRecord, Watch, WatchEvent } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import { isPassing } from "../internal/passing-errors.js";
import { RetryPace } from "../internal/retry-pace.js";
import { pause } from "../internal/waiting.js";
import type { RecipePorts } from "../recipe-ports.js";

/** What became of one key between two states that were shown. */
export interface RecordChange {
  /** The key, one character per byte. */
  readonly key: string;
  readonly before: KeyRecord | undefined;
  readonly after: KeyRecord | undefined;
}

/** Whose records are followed, and who is told. */
export interface FollowerSetup {
  readonly ports: RecipePorts;
  readonly prefix: string;
  /** Keys and bytes of keys and values, beyond which the follower ends with `RATE_LIMITED`. */
  readonly entriesMax: number;
  readonly bytesMax: number;
  /** The records are those of `revision` now; called in one turn with that, also for the first. */
  readonly onChanges: (changes: readonly RecordChange[], revision: number) => void;
  /** It follows again, or does not any more for the time being. */
  readonly onStanding: (isLive: boolean) => void;
  /** It has ended by itself. */
  readonly onFailure: (error: unknown) => void;
}

/** Keys read at a time. */
const pageLimit = 1_000;

/**
 * The records under a prefix, as the store had them at one revision after the other: read once, then
 * kept by a watch. All changes of a revision are taken in one turn. Where the watch is lost it goes
 * on behind what was taken; where the history does not reach back that far, everything is read again,
 * at one revision, and exchanged in one turn, while the earlier state stays. Nothing in between is
 * ever shown (W1-W9).
 */
export class PrefixFollower {
  readonly #setup: FollowerSetup;
  readonly #closing = new AbortController();
  readonly #pace: RetryPace;
  #records = new Map<string, KeyRecord>();
  #bytes = 0;
  /** The state is that of this revision; `undefined`: nothing was read yet. */
  #revision: number | undefined;
  #mustRead = true;

  constructor(setup: FollowerSetup) {
    this.#setup = setup;
    this.#pace = new RetryPace(setup.ports.clock);
    void this.#run();
  }

  get records(): ReadonlyMap<string, KeyRecord> {
    return this.#records;
  }

  get revision(): number | undefined {
    return this.#revision;
  }

  /** Nothing is told after this. Idempotent. */
  close(): void {
    this.#closing.abort();
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        if (this.#mustRead) await this.#read();
        if (!this.#isClosed) await this.#watch();
      } catch (error) {
        if (this.#isClosed) return;
        this.#setup.onStanding(false);
        if (isEngineError(error, "COMPACTED")) this.#mustRead = true;
        else if (!isPassing(error)) return this.#fail(error);
        await this.#pause();
      }
    }
  }

  /** All records of one revision, never an older one than was shown: the read is linearizable. */
  async #read(): Promise<void> {
    const { ports, prefix, entriesMax } = this.#setup;
    const records = new Map<string, KeyRecord>();
    let revision = 0;
    const options = { limit: pageLimit, consistency: "linearizable" } as const;
    const { signal } = this.#closing;
    for await (const page of ports.client.pages({ prefix }, { ...options, signal })) {
      if (this.#isClosed) return;
      if (page.count > entriesMax) throw this.#tooMuch(`${page.count} keys`);
      revision = page.revision;
      for (const record of page.entries) records.set(keyString(record.key), record);
    }
    const changes = differences(this.#records, records);
    this.#records = records;
    this.#bytes = 0;
    for (const record of records.values()) this.#bytes += sizeOf(record);
    this.#checkSize();
    this.#revision = revision;
    this.#mustRead = false;
    this.#setup.onChanges(changes, revision);
  }

  async #watch(): Promise<void> {
    const { ports, prefix } = this.#setup;
    const revision = this.#revision ?? 0;
    const { signal } = this.#closing;
    const watch = ports.client.watch({ prefix }, { fromRevision: revision + 1, signal });
    watch.ready().then(
      () => this.#standing(true),
      () => undefined, // told by what is awaited below
    );
    try {
      for await (const batch of watch) {
        if (this.#isClosed) return;
        this.#pace.reset();
        this.#take(batch.events, batch.revision);
      }
    } finally {
      this.#skipTo(watch);
    }
    if (this.#isClosed) return;
    throw new EngineError("CLOSED", `the client was closed, nobody follows ${prefix} any more`);
  }

  /** What the watch has been told to be quiet need not be in the history for the next one. */
  #skipTo(watch: Watch): void {
    this.#revision = Math.max(this.#revision ?? 0, watch.revision);
  }

  #take(events: readonly WatchEvent[], revision: number): void {
    const changes = new Map<string, RecordChange>();
    for (const event of events) {
      const after = event.kind === "put" ? event.record : undefined;
      const key = keyString(event.kind === "put" ? event.record.key : event.key);
      const before = this.#records.get(key);
      this.#bytes += sizeOf(after) - sizeOf(before);
      if (after === undefined) this.#records.delete(key);
      else this.#records.set(key, after);
      const earlier = changes.get(key);
      changes.set(key, { key, before: earlier === undefined ? before : earlier.before, after });
    }
    this.#revision = revision;
    this.#checkSize();
    this.#setup.onChanges([...changes.values()], revision);
  }

  #checkSize(): void {
    const { entriesMax, bytesMax } = this.#setup;
    if (this.#records.size > entriesMax) throw this.#tooMuch(`${this.#records.size} keys`);
    if (this.#bytes > bytesMax) throw this.#tooMuch(`${this.#bytes} bytes`);
  }

  #tooMuch(what: string): TooMuchError {
    const { prefix, entriesMax, bytesMax } = this.#setup;
    return new TooMuchError(
      `${what} are under ${prefix}, and at most entriesMax = ${entriesMax} keys and ` +
        `bytesMax = ${bytesMax} bytes are followed; raise these, or take a longer prefix`,
    );
  }

  #standing(isLive: boolean): void {
    if (!this.#isClosed) this.#setup.onStanding(isLive);
  }

  async #pause(): Promise<void> {
    const { signal } = this.#closing;
    // Ends early when it is closed, which the loop sees.
    await pause(this.#setup.ports.clock, this.#pace.nextMs(), signal).catch(() => undefined);
  }

  #fail(error: unknown): void {
    this.close();
    const isOwn = error instanceof TooMuchError;
    this.#setup.onFailure(isOwn ? new EngineError("RATE_LIMITED", error.message) : error);
  }
}

/** Told apart from what a node is short of: waiting does not help. */
class TooMuchError extends Error {}

/** One character per byte, so that strings are ordered as keys are. */
export function keyString(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function sizeOf(record: KeyRecord | undefined): number {
  return record === undefined ? 0 : record.key.length + record.value.length;
}

function differences(
  earlier: ReadonlyMap<string, KeyRecord>,
  later: ReadonlyMap<string, KeyRecord>,
): RecordChange[] {
  const changes: RecordChange[] = [];
  for (const [key, after] of later) {
    const before = earlier.get(key);
    if (before?.modRevision !== after.modRevision) changes.push({ key, before, after });
  }
  for (const [key, before] of earlier) {
    if (!later.has(key)) changes.push({ key, before, after: undefined });
  }
  return changes;
}
