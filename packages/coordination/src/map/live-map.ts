import {
  type CallOptions,
  type KeyRecord,
  type PutOptions,
  toBytes,
  toText,
} from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import { PrefixFollower, type RecordChange } from "../follow/prefix-follower.js";
import { abortable, WaitBounds } from "../internal/waiting.js";
import type { RecipePorts } from "../recipe-ports.js";
import { type Codec, checked, jsonCodec } from "./codec.js";
import { type Held, type MapChanges, MapChangesReader } from "./map-changes.js";
import { type InvalidEntry, MAP_DEFAULTS, type MapOptions, positive } from "./map-options.js";

/**
 * How a map stands: nothing was read yet; it follows the store; it shows an earlier state until it
 * reaches the store again, which it tries for ever; it was closed; it ended by itself.
 */
export type MapState = "loading" | "live" | "stale" | "closed" | "failed";

/** Options of `set` and `delete`. */
export interface MapWriteOptions extends CallOptions {
  /**
   * Whether it resolves only when this map shows the write; otherwise as soon as it is durable.
   * @defaultValue true
   */
  readonly visible?: boolean;
}

/** Options of `set`. */
export type MapSetOptions = MapWriteOptions & Pick<PutOptions, "ttlMs">;

/** Streams of changes and waits for revisions, each, that one map has at the same time. */
const listenersMax = 10_000;

interface Shown<T> extends Held<T> {
  /** The key is the same as long as this is. */
  readonly createRevision: number;
}

interface Wait {
  readonly isOver: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The keys under a prefix as a map in this process, kept by a watch: reads are synchronous and cost
 * nothing, writes go through the log. It shows one revision of the store after the other, each whole,
 * never going back; it may be behind, also behind a write that was acknowledged elsewhere: ask for
 * `at(revision)` where that matters. While the store cannot be reached it shows what it has and says
 * so by `state`.
 *
 * A stored value that cannot be decoded or fails the check does not change what is shown of its key:
 * the last good value stays until a good one is written or the key is deleted. `invalid` names these
 * keys, and `onInvalid` is told. Values belong to the map: do not change them.
 *
 * @example
 * await using limits = map<number>(client, "limits/", { check: (value) => Number(value) });
 * await limits.ready();
 * await limits.set("uploads", 20);
 * limits.get("uploads"); // 20
 */
export class LiveMap<T> implements AsyncDisposable {
  readonly prefix: string;
  readonly #ports: RecipePorts;
  readonly #options: MapOptions<T>;
  readonly #codec: Codec;
  readonly #prefixBytes: number;
  readonly #follower: PrefixFollower;
  readonly #shown = new Map<string, Shown<T>>();
  readonly #invalid = new Map<string, InvalidEntry>();
  readonly #waits = new Set<Wait>();
  readonly #readers = new Set<MapChangesReader<T>>();
  #state: MapState = "loading";
  #revision = 0;
  #end: { readonly error: unknown } | undefined;
  #sorted: readonly string[] | undefined;

  /** Use `map`. */
  constructor(ports: RecipePorts, prefix: string, options: MapOptions<T> = {}) {
    const bytes = toBytes(prefix, "prefix");
    if (typeof prefix !== "string" || bytes.length === 0) {
      throw new EngineError("INVALID_REQUEST", "the prefix of a map is a string, not an empty one");
    }
    options.signal?.throwIfAborted();
    this.prefix = prefix;
    this.#ports = ports;
    this.#options = options;
    this.#codec = options.codec ?? jsonCodec;
    this.#prefixBytes = bytes.length;
    this.#follower = new PrefixFollower({
      ports,
      prefix,
      entriesMax: positive("entriesMax", options.entriesMax, MAP_DEFAULTS.entriesMax),
      bytesMax: positive("bytesMax", options.bytesMax, MAP_DEFAULTS.bytesMax),
      onChanges: (changes, revision) => this.#take(changes, revision),
      onStanding: (isLive) => this.#stand(isLive),
      onFailure: (error) => this.#finish("failed", error),
    });
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get state(): MapState {
    return this.#state;
  }

  /** What is shown is the state of this revision; 0 before it is ready. */
  get revision(): number {
    return this.#revision;
  }

  /** Keys whose stored value may not be shown, with the reason. */
  get invalid(): ReadonlyMap<string, InvalidEntry> {
    return this.#invalid;
  }

  get size(): number {
    this.#assertReadable();
    return this.#shown.size;
  }

  /**
   * @throws EngineError `INVALID_REQUEST` before the map is ready, `CLOSED` afterwards, and what has
   *   ended it; so do all reads
   */
  get(key: string): T | undefined {
    this.#assertReadable();
    return this.#shown.get(key)?.value;
  }

  has(key: string): boolean {
    this.#assertReadable();
    return this.#shown.has(key);
  }

  /** The keys, in the order of strings. An array of its own for each revision. */
  keys(): readonly string[] {
    this.#assertReadable();
    this.#sorted ??= Object.freeze([...this.#shown.keys()].sort());
    return this.#sorted;
  }

  /** Keys with their values, in the order of the keys. */
  entries(): [string, T][] {
    return this.keys().map((key) => [key, this.#shown.get(key)?.value as T]);
  }

  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.entries().values();
  }

  /** Resolves to the revision shown when there is something to read; rejects with what prevents it. */
  async ready(options?: CallOptions): Promise<number> {
    await this.#wait(() => this.#state !== "loading", options);
    return this.#revision;
  }

  /**
   * Resolves when the map shows this revision, or a later one. That may take until something under
   * the prefix is written: meant for revisions of writes under the prefix.
   */
  async at(revision: number, options?: CallOptions): Promise<void> {
    await this.#wait(() => this.#revision >= revision, options);
  }

  /**
   * Writes through the log. When it rejects with `outcome` `unknown`, or with the reason of `signal`,
   * it may be written.
   *
   * @throws EngineError `INVALID_REQUEST` for a value that the check or the codec does not take
   */
  async set(key: string, value: T, options: MapSetOptions = {}): Promise<number> {
    this.#assertOpen();
    const { visible = true, ...rest } = options;
    const startMs = this.#ports.clock.nowMs();
    const { revision } = await this.#ports.client.put(this.#full(key), this.#encode(value), rest);
    if (visible) await this.#shows(() => this.#revision >= revision, options, startMs);
    return revision;
  }

  /** Deletes through the log; resolves to whether the key was there. Rejects as `set` does. */
  async delete(key: string, options: MapWriteOptions = {}): Promise<boolean> {
    this.#assertOpen();
    const { visible = true, ...rest } = options;
    const startMs = this.#ports.clock.nowMs();
    const step = { kind: "delete", keys: this.#full(key) } as const;
    const { revision, results } = await this.#ports.client.txn().then(step).commit(rest);
    if (visible) {
      // When somebody else has deleted it, no event of this revision comes.
      const isShown = () => this.#revision >= revision || !this.#shown.has(key);
      await this.#shows(isShown, options, startMs);
    }
    return results[0]?.kind === "delete" && results[0].deleted > 0;
  }

  /**
   * What changes from now on, as one consumer takes it: with what the map shows at this moment,
   * nothing is missing. A map that is not ready gives its first state as changes.
   *
   * @throws EngineError `RATE_LIMITED` beyond 10,000 streams; what ends the map is thrown by the loop
   */
  changes({
    signal,
  }: Pick<CallOptions, "signal"> = {}): AsyncIterableIterator<MapChanges<T>, undefined> {
    this.#assertOpen();
    signal?.throwIfAborted();
    this.#assertRoom(this.#readers);
    const map = this;
    const source = {
      get revision() {
        return map.#revision;
      },
      get end() {
        return map.#end;
      },
      held: (key: string) => map.#shown.get(key),
    };
    const reader = new MapChangesReader<T>(source, signal, (done) => this.#readers.delete(done));
    this.#readers.add(reader);
    return reader;
  }

  /** Follows no more. What waits for the map rejects with `CLOSED`. Idempotent. */
  async close(): Promise<void> {
    this.#finish("closed", undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  readonly #onAbort = (): void => this.#finish("closed", this.#options.signal?.reason);

  #take(changes: readonly RecordChange[], revision: number): void {
    for (const { before, after } of changes) this.#apply(before, after);
    this.#revision = revision;
    if (this.#state === "loading") this.#state = "live";
    this.#wakeAll();
  }

  #apply(before: KeyRecord | undefined, after: KeyRecord | undefined): void {
    const record = after ?? before;
    const key = record && this.#nameOf(record);
    if (key === undefined) return;
    const earlier = this.#shown.get(key);
    const now = this.#valueOf(key, after, earlier);
    if (now === earlier) return;
    if (now === undefined) this.#shown.delete(key);
    else this.#shown.set(key, now);
    if (now === undefined || earlier === undefined) this.#sorted = undefined;
    for (const reader of this.#readers) reader.note(key, earlier);
  }

  #valueOf(
    key: string,
    record: KeyRecord | undefined,
    earlier: Shown<T> | undefined,
  ): Shown<T> | undefined {
    this.#invalid.delete(key);
    if (record === undefined) return undefined;
    const { createRevision } = record;
    try {
      const value = checked(this.#options.check, this.#codec.decode(record.value));
      return { value, createRevision };
    } catch (error) {
      this.#tellInvalid({ key, revision: record.modRevision, error }, true);
      // A good value of a key that was deleted meanwhile is no value of this one.
      return earlier?.createRevision === createRevision ? earlier : undefined;
    }
  }

  #nameOf(record: KeyRecord): string | undefined {
    const bytes = record.key.subarray(this.#prefixBytes);
    try {
      return toText(bytes, "the key");
    } catch (error) {
      const key = new TextDecoder().decode(bytes);
      this.#tellInvalid({ key, revision: record.modRevision, error }, false);
      return undefined;
    }
  }

  #tellInvalid(entry: InvalidEntry, isNamed: boolean): void {
    if (isNamed) this.#invalid.set(entry.key, entry);
    try {
      this.#options.onInvalid?.(entry);
    } catch {
      // Half a revision would be shown if this went further.
    }
  }

  #stand(isLive: boolean): void {
    if (this.#state === "live" || this.#state === "stale") this.#state = isLive ? "live" : "stale";
  }

  #finish(state: "closed" | "failed", error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#state = state;
    this.#follower.close();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wait of this.#waits) {
      if (this.#end !== undefined) wait.reject(this.#endError());
      else if (wait.isOver()) wait.resolve();
    }
    for (const reader of this.#readers) reader.wake();
  }

  async #wait(isOver: () => boolean, options: CallOptions = {}): Promise<void> {
    this.#assertOpen();
    if (isOver()) return;
    this.#assertRoom(this.#waits);
    const what = `the map of ${this.prefix} has not shown what is waited for`;
    const bounds = new WaitBounds(this.#ports.clock, options, what);
    let release: (() => void) | undefined;
    const shown = new Promise<void>((resolve, reject) => {
      const wait = { isOver, resolve, reject };
      this.#waits.add(wait);
      release = () => this.#waits.delete(wait);
    });
    try {
      await abortable(shown, bounds.signal);
    } finally {
      release?.();
      bounds.release();
    }
  }

  /** What is left of the caller's time is spent on seeing the write, which is done already. */
  async #shows(isShown: () => boolean, options: CallOptions, startMs: number): Promise<void> {
    const { signal, timeoutMs } = options;
    const bounds: { signal?: AbortSignal; timeoutMs?: number } = {};
    if (signal !== undefined) bounds.signal = signal;
    if (timeoutMs !== undefined) {
      bounds.timeoutMs = Math.max(1, startMs + timeoutMs - this.#ports.clock.nowMs());
    }
    try {
      await this.#wait(isShown, bounds);
    } catch (cause) {
      if (!isEngineError(cause, "WAIT_TIMEOUT")) throw cause;
      const what = `it is written, and the map of ${this.prefix} did not show it in time`;
      throw new EngineError("OUTCOME_UNKNOWN", what, { cause });
    }
  }

  #full(key: string): string {
    if (typeof key === "string") return this.prefix + key;
    throw new EngineError("INVALID_REQUEST", `a key of a map is a string, got ${typeof key}`);
  }

  #encode(value: T): string | Uint8Array {
    if (value === undefined) {
      throw new EngineError("INVALID_REQUEST", "a map holds no undefined; delete the key");
    }
    try {
      const bytes = this.#codec.encode(value);
      // As every reader will do: what the check makes of it may be of another form than this.
      checked(this.#options.check, this.#codec.decode(toBytes(bytes, "value")));
      return bytes;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError("INVALID_REQUEST", `no value of the map of ${this.prefix}: ${why}`, {
        cause,
      });
    }
  }

  #assertReadable(): void {
    this.#assertOpen();
    if (this.#state !== "loading") return;
    const what = `the map of ${this.prefix} has not been read yet; await ready() first`;
    throw new EngineError("INVALID_REQUEST", what);
  }

  #assertOpen(): void {
    if (this.#end !== undefined) throw this.#endError();
  }

  #endError(): unknown {
    return this.#end?.error ?? new EngineError("CLOSED", `the map of ${this.prefix} is closed`);
  }

  #assertRoom(listeners: ReadonlySet<unknown>): void {
    if (listeners.size < listenersMax) return;
    const what = `${listenersMax} wait for the map of ${this.prefix} already; release some`;
    throw new EngineError("RATE_LIMITED", what);
  }
}
