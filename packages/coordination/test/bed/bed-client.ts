import {
  AbstractKvClient,
  type Bytes,
  type CallOptions,
  type ClientSession,
  type KeySelection,
  type KvOutcome,
  type KvWriteOutcome,
  openSession,
  type PutOptions,
  type PutResult,
  type ReadOptions,
  type ScanResult,
  type SessionOptions,
  toBytes,
  type Watch,
  type WatchOptions,
} from "@d-engine/client";
import {
  decodeWriteCommand,
  encodeCompareAndSwap,
  encodeDelete,
  encodeKvWrite,
  encodePut,
  type KvCommand,
  type KvQuery,
  type KvQueryResult,
  Slab,
} from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { WriteOutcome } from "@d-engine/kv";
import { spanOf } from "../../../client/src/key-selection.js";
import { BedWatch } from "./bed-watch.js";
import { ClientClock } from "./client-clock.js";
import type { StoreBed } from "./store-bed.js";

/** What becomes of one call on its way. */
export interface Fate {
  /** Milliseconds until it reaches the store; `undefined`: it never does. */
  readonly thereMs: number | undefined;
  /** Milliseconds that the answer takes; `undefined`: it is lost. */
  readonly backMs: number | undefined;
}

/** What a client was asked to do, and what the program sees of a call. */
export type CallKind = KvCommand["kind"] | KvQuery["kind"] | "put" | "delete" | "compareAndSwap";

const smoothly: Fate = { thereMs: 1, backMs: 1 };
/** A call without an answer fails after this, unless it says otherwise. */
const timeoutDefaultMs = 5_000;

/**
 * One process with its client. Its calls reach the store after their time and are answered after
 * theirs, or not: as `fate` says, and never while it is cut off. A write without an answer fails with
 * `OUTCOME_UNKNOWN`, and may still arrive later.
 */
export class BedClient extends AbstractKvClient {
  override readonly clock: ClientClock;
  readonly id: number;
  /** Every call that was made, in order. */
  readonly calls: CallKind[] = [];
  /** Decides over each call. */
  fate: (kind: CallKind) => Fate = () => smoothly;
  readonly #bed: StoreBed;
  readonly #slab = new Slab();
  readonly #watches = new Set<BedWatch>();
  #isCut = false;
  #isClosed = false;

  constructor(bed: StoreBed, id: number) {
    super();
    this.#bed = bed;
    this.id = id;
    this.clock = new ClientClock(bed.clock);
  }

  get isCut(): boolean {
    return this.#isCut || this.#bed.isDown;
  }

  /** How many watches are open. */
  get watches(): number {
    return this.#watches.size;
  }

  /** Nothing gets through any more, in neither direction. */
  cut(): void {
    this.#isCut = true;
  }

  heal(): void {
    this.#isCut = false;
    this.pumpWatches();
  }

  /** There may be something for the watches again. */
  pumpWatches(): void {
    for (const watch of [...this.#watches]) watch.pump();
  }

  /** The process stops, or its loop is blocked, until `resume`. */
  stop(): void {
    this.clock.stop();
  }

  resume(arrange?: <T>(due: T[]) => T[]): void {
    this.clock.resume(arrange);
  }

  /** Ends all watches, as the client does when it finds no node for long, or no history. */
  breakWatches(error: EngineError): void {
    for (const watch of [...this.#watches]) watch.break(error);
  }

  async execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome> {
    const bytes = encodeKvWrite(this.#slab, command);
    const { succeeded, revision, detail } = await this.#write(command.kind, bytes, options);
    return { succeeded, revision, detail };
  }

  async carry(command: Uint8Array, options?: CallOptions): Promise<KvWriteOutcome> {
    const { kind } = decodeWriteCommand(command);
    if (kind === "none") throw new Error("a command of no kind");
    const { succeeded, revision, existed, detail } = await this.#write(kind, command, options);
    return { succeeded, revision, existed, detail };
  }

  openSession(options?: SessionOptions): Promise<ClientSession> {
    return openSession({ client: this, clock: this.clock, sessions: this.sessions }, options);
  }

  async query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult> {
    const ask = () => this.#bed.query(query, options?.consistency);
    return await this.#call(query.kind, "CLUSTER_UNAVAILABLE", ask, options);
  }

  watch(selection: KeySelection, options: WatchOptions = {}): Watch {
    this.#checkOpen();
    options.signal?.throwIfAborted();
    const watch = new BedWatch(spanOf(selection), options, {
      open: (spec) => this.#bed.watch(spec),
      clock: this.clock,
      isCut: () => this.isCut,
      onEnd: (ended) => this.#watches.delete(ended),
    });
    this.#watches.add(watch);
    return watch.reader;
  }

  async put(key: Bytes, value: Bytes, options: PutOptions = {}): Promise<PutResult> {
    const { lease } = options;
    if (lease !== undefined) return await this.putWithLease(key, value, { ...options, lease });
    const bytes = encodePut(
      this.#slab,
      toBytes(key, "key"),
      toBytes(value, "value"),
      options.ttlMs,
    );
    const { revision } = await this.#write("put", bytes, options);
    return { revision };
  }

  async delete(key: Bytes, options?: CallOptions): Promise<boolean> {
    const bytes = encodeDelete(this.#slab, toBytes(key, "key"));
    const { existed } = await this.#write("delete", bytes, options);
    return existed;
  }

  async compareAndSwap(
    key: Bytes,
    expected: Bytes | undefined,
    value: Bytes,
    options?: CallOptions,
  ): Promise<boolean> {
    const bytes = encodeCompareAndSwap(
      this.#slab,
      toBytes(key, "key"),
      expected === undefined ? undefined : toBytes(expected, "expected"),
      toBytes(value, "value"),
    );
    const { succeeded } = await this.#write("compareAndSwap", bytes, options);
    return succeeded;
  }

  async getMulti(
    keys: readonly Bytes[],
    options?: ReadOptions,
  ): Promise<(Uint8Array | undefined)[]> {
    const found = await Promise.all(keys.map((key) => this.range(key, options)));
    return found.map(({ entries }) => entries[0]?.value);
  }

  async scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult> {
    const { entries, revision } = await this.range({ prefix }, options);
    return { entries, revision };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.endLeases();
    for (const watch of [...this.#watches]) watch.break(undefined);
  }

  listMembers = (): never => notHere();
  getLeaderId = (): never => notHere();
  watchMembership = (): never => notHere();

  async #write(
    kind: CallKind,
    bytes: Uint8Array,
    options: CallOptions | undefined,
  ): Promise<WriteOutcome> {
    return await this.#call(kind, "OUTCOME_UNKNOWN", () => this.#bed.apply(bytes), options);
  }

  #call<T>(
    kind: CallKind,
    silence: "OUTCOME_UNKNOWN" | "CLUSTER_UNAVAILABLE",
    serve: () => T,
    { signal, timeoutMs = timeoutDefaultMs }: CallOptions = {},
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#checkOpen();
      signal?.throwIfAborted();
      this.calls.push(kind);
      const end = (settle: () => void): void => {
        deadline.cancel();
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(signal?.reason));
      signal?.addEventListener("abort", onAbort, { once: true });
      const deadline = this.clock.setTimer(timeoutMs, () => {
        end(() => reject(new EngineError(silence, `no answer to ${kind} in ${timeoutMs} ms`)));
      });
      void this.#travel(this.fate(kind), serve, end, resolve, reject);
    });
  }

  async #travel<T>(
    { thereMs, backMs }: Fate,
    serve: () => T,
    end: (settle: () => void) => void,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ): Promise<void> {
    const { clock } = this.#bed;
    const pass = (ms: number) => new Promise<void>((done) => void clock.setTimer(ms, done));
    // What is on its way is on its way: only the cut stops it, not the process that has sent it.
    if (thereMs === undefined || this.isCut) return;
    await pass(thereMs);
    if (this.isCut) return;
    let settle: () => void;
    try {
      const value = serve();
      settle = () => resolve(value);
    } catch (error) {
      settle = () => reject(error);
    }
    if (backMs === undefined) return;
    await pass(backMs);
    if (!this.isCut) this.clock.setTimer(0, () => end(settle));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new EngineError("CLOSED", "the client is closed");
  }
}

function notHere(): never {
  throw new Error("recipes do not ask for members");
}
