import {
  type Clock,
  EngineError,
  type Entry,
  entryBytes,
  invariant,
  type LogId,
  type LogIndex,
  type LogStore,
  type LogStoreListener,
  type LogWrite,
  type RecoveredLog,
} from "@d-engine/core";
import { PendingWrites } from "../log/pending-writes.js";
import {
  applyWrite,
  lastOf,
  type MemoryLogContent,
  purgeContent,
  purgePointOf,
  termRunsOf,
} from "./memory-log-content.js";

/** The log of a `MemoryStorage`. Persists what is queued in a deferred turn, as one. */
export class MemoryLogStore implements LogStore {
  readonly recovered: RecoveredLog;
  readonly #clock: Clock;
  readonly #content: MemoryLogContent;
  readonly #pending: PendingWrites;
  #listener: LogStoreListener | undefined;
  #state: "open" | "closing" | "closed" = "open";
  #isScheduled = false;

  constructor(clock: Clock, content: MemoryLogContent) {
    this.#clock = clock;
    this.#content = content;
    const last = lastOf(content);
    const { hardState, base } = content;
    const known = Math.min(content.commitIndex, last.index);
    const commitIndex = Math.max(base.index, known) as LogIndex;
    this.recovered = { hardState, base, last, commitIndex, termRuns: termRunsOf(content) };
    this.#pending = new PendingWrites(last.index);
  }

  get bytes(): number {
    return this.#content.entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  }

  start(listener: LogStoreListener): void {
    invariant(this.#listener === undefined, "a log store is started once");
    this.#listener = listener;
  }

  write(write: LogWrite): void {
    invariant(this.#listener !== undefined, "write before start");
    if (this.#state !== "open") throw new EngineError("CLOSED", "the log is closed");
    this.#pending.push(write);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.defer(() => this.#persist());
  }

  async read(from: LogIndex, to: LogIndex, bytesMax: number): Promise<readonly Entry[]> {
    const { resetTo } = this.#pending;
    const first = (resetTo ?? this.#content.base).index + 1;
    const end = this.#pending.last + 1;
    if (from < first || from >= to || to > end) {
      throw new EngineError(
        "INVALID_REQUEST",
        `log entries [${from}, ${to}) asked for, [${first}, ${end}) are retained`,
      );
    }
    const durableTo = Math.min(to, this.#pending.firstIndex());
    const restFrom = Math.max(from, durableTo) as LogIndex;
    const durable = this.#content.entries.slice(from - first, Math.max(from, durableTo) - first);
    const rest = restFrom < to ? this.#pending.entries(restFrom, to, bytesMax) : [];
    return within(durable.concat(rest), bytesMax);
  }

  purgePoint(upTo: LogIndex, tailBytes: number): LogId | undefined {
    return purgePointOf(this.#content, upTo, tailBytes);
  }

  async purge(upTo: LogId): Promise<void> {
    purgeContent(this.#content, upTo.index);
  }

  close(): Promise<void> {
    if (this.#state === "open") this.#state = "closing";
    // Queued behind the persisting of what was written, if any was.
    return new Promise((resolve) => {
      this.#clock.defer(() => {
        this.#state = "closed";
        resolve();
      });
    });
  }

  /** Loses what is not persisted; nobody hears of it. */
  crash(): void {
    this.#state = "closed";
    this.#pending.shift(this.#pending.length);
  }

  #persist(): void {
    this.#isScheduled = false;
    const count = this.#pending.length;
    if (this.#state === "closed" || count === 0) return;
    for (let i = 0; i < count; i++) applyWrite(this.#content, this.#pending.at(i));
    const { batch } = this.#pending.at(count - 1);
    this.#pending.shift(count);
    this.#listener?.persisted(batch);
  }
}

/** The first entries, at least one, that come to at most `bytesMax` bytes. */
function within(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  let bytes = 0;
  let count = 0;
  for (const entry of entries) {
    bytes += entryBytes(entry);
    if (bytes > bytesMax) break;
    count++;
  }
  return entries.slice(0, Math.max(1, count));
}
