import { type KvQuery, type KvQueryResult, withSession } from "@d-engine/codec";
import { type Clock, EngineError, isEngineError, type NodeId } from "@d-engine/core";
import type {
  Bytes,
  CallOptions,
  MemberInfo,
  MembershipSnapshot,
  ReadOptions,
  ScanResult,
  WatchMembershipOptions,
} from "../engine-client.js";
import type { KeySelection } from "../key-selection.js";
import type { AbstractKvClient } from "../kv/abstract-kv-client.js";
import { EncodingClient } from "../kv/encoding-client.js";
import type { KvWriteOutcome } from "../kv/kv-port.js";
import { checkTimeout } from "../retrying-caller.js";
import type { Watch, WatchOptions } from "../watch/watch-types.js";
import { repeat } from "./repeat.js";
import { SessionKeeper, sessionExpired } from "./session-keeper.js";
import type { SessionOptions } from "./session-options.js";
import { SessionWindow } from "./session-window.js";

export interface ClientSessionSetup {
  readonly client: AbstractKvClient;
  readonly clock: Clock;
  readonly id: number;
  readonly ttlMs: number;
  /** It needs no keeping any more. */
  readonly onEnd: (session: ClientSession) => void;
}

/**
 * A client whose writes are applied once, however often they had to be sent (rule R17). It has every
 * operation of `EngineClient`. A write without an answer is sent again until there is one, and then
 * tells what its first application did: a compare-and-swap that has succeeded says so, although the
 * value is no longer the expected one when its repetition arrives.
 *
 * A write rejects with `outcome` `unknown` only
 * - with `OUTCOME_UNKNOWN`, when its `timeoutMs` is over, by default the session's `ttlMs`. It is then
 *   given up: once a later write of the session was answered (`settle` is the smallest one) it has
 *   taken effect or never will, and a read tells which.
 * - with `SESSION_EXPIRED`, when the session ended while it was under way, and with `CLOSED` when the
 *   client did. Nothing can be sent again then; read before you go on.
 *
 * Writes that are under way together may be applied in any order: await one before the next where it
 * matters. At most 1,024 are on their way; more wait for their turn, 10,000 of them, others are
 * refused with `RATE_LIMITED`. Reads and watches are those of the client. The session is a lease:
 * keys put with its `id` end with it.
 */
export class ClientSession extends EncodingClient {
  /** Of its lease. */
  readonly id: number;
  readonly ttlMs: number;
  protected readonly clock: Clock;
  readonly #setup: ClientSessionSetup;
  readonly #client: AbstractKvClient;
  readonly #window: SessionWindow;
  readonly #keeper: SessionKeeper;
  #closed: Promise<void> | undefined;
  /** Its client was closed. */
  #abandoned = false;
  #onIdle: (() => void) | undefined;

  constructor(setup: ClientSessionSetup) {
    super();
    const { client, clock, id, ttlMs } = setup;
    this.#setup = setup;
    this.#client = client;
    this.id = id;
    this.ttlMs = ttlMs;
    this.clock = clock;
    this.#window = new SessionWindow(clock);
    this.#keeper = new SessionKeeper({ port: client, clock, id, ttlMs });
    this.expired.addEventListener("abort", () => setup.onEnd(this), { once: true });
  }

  /**
   * Aborts when the cluster has said that the session is over, with a `SESSION_EXPIRED` as its reason:
   * all writes from then on are refused with that.
   */
  get expired(): AbortSignal {
    return this.#keeper.expired;
  }

  /**
   * Resolves when every write that was given up before has taken effect or never will.
   *
   * @example
   * const swapped = await session.compareAndSwap("seat", "free", "me").catch(async (error) => {
   *   if (!isEngineError(error, "OUTCOME_UNKNOWN")) throw error;
   *   await session.settle();
   *   return (await session.getString("seat")) === "me";
   * });
   */
  async settle(options?: CallOptions): Promise<void> {
    await this.execute({ kind: "txn", compares: [], success: [], failure: [] }, options);
  }

  async carry(command: Uint8Array, options: CallOptions = {}): Promise<KvWriteOutcome> {
    this.#checkOpen();
    const { signal } = options;
    signal?.throwIfAborted();
    const timeoutMs = checkTimeout(options.timeoutMs ?? this.ttlMs);
    const deadlineMs = this.clock.nowMs() + timeoutMs;
    try {
      const sequence = this.#window.take() ?? (await this.#window.wait({ timeoutMs, signal }));
      try {
        const bounds = { clock: this.clock, deadlineMs, signal };
        return await repeat((ms) => this.#attempt(command, sequence, ms, signal), bounds);
      } finally {
        // Answered, or not wanted any more: what comes of it later is refused by the next mark.
        this.#window.giveBack(sequence);
      }
    } finally {
      if (this.#window.size === 0) this.#onIdle?.();
    }
  }

  override query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult> {
    return this.#client.query(query, options);
  }

  override get(key: Bytes, options?: ReadOptions): Promise<Uint8Array | undefined> {
    return this.#client.get(key, options);
  }

  getMulti(keys: readonly Bytes[], options?: ReadOptions): Promise<(Uint8Array | undefined)[]> {
    return this.#client.getMulti(keys, options);
  }

  scanPrefix(prefix: Bytes, options?: ReadOptions): Promise<ScanResult> {
    return this.#client.scanPrefix(prefix, options);
  }

  watch(selection: KeySelection, options?: WatchOptions): Watch {
    return this.#client.watch(selection, options);
  }

  listMembers(options?: CallOptions): Promise<readonly MemberInfo[]> {
    return this.#client.listMembers(options);
  }

  getLeaderId(options?: CallOptions): Promise<NodeId | undefined> {
    return this.#client.getLeaderId(options);
  }

  watchMembership(
    options?: WatchMembershipOptions,
  ): AsyncIterableIterator<MembershipSnapshot, undefined> {
    return this.#client.watchMembership(options);
  }

  /** Another session of the same client. */
  openSession(options?: SessionOptions): Promise<ClientSession> {
    return this.#client.openSession(options);
  }

  /**
   * Takes no more writes, waits for those under way, and ends the session and the keys that are bound
   * to it. When that cannot be told to the cluster they end by themselves. The client stays open.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Its client was closed: it is kept no longer, and ends by itself. */
  abandon(): void {
    this.#abandoned = true;
    this.#keeper.stop();
    this.endLeases();
    this.#setup.onEnd(this);
  }

  async #attempt(
    command: Uint8Array,
    sequence: number,
    timeoutMs: number,
    signal: AbortSignal | undefined,
  ): Promise<KvWriteOutcome> {
    const mark = { id: this.id, sequence, acknowledged: this.#window.acknowledged };
    const marked = withSession(this.slab, command, mark);
    try {
      return await this.#client.carry(marked, { timeoutMs, ...(signal && { signal }) });
    } catch (error) {
      if (isEngineError(error, "SESSION_EXPIRED")) {
        this.#keeper.end(sessionExpired(this.id, error));
      }
      throw error;
    }
  }

  async #close(): Promise<void> {
    if (this.#window.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    this.endLeases();
    this.#keeper.stop();
    this.#setup.onEnd(this);
    if (this.#abandoned || this.expired.aborted) return;
    const bounds = { timeoutMs: this.ttlMs };
    // Of a failure there is nothing to be done: it ends by itself then.
    await this.#client.execute({ kind: "leaseRevoke", id: this.id }, bounds).catch(() => undefined);
  }

  #checkOpen(): void {
    this.expired.throwIfAborted();
    if (this.#closed === undefined && !this.#abandoned) return;
    throw new EngineError("CLOSED", `session ${this.id} is closed`);
  }
}
