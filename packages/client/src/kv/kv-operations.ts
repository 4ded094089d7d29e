import type { CallOptions, ReadOptions } from "../engine-client.js";
import type { ClientSession } from "../exactly-once/client-session.js";
import type { SessionOptions } from "../exactly-once/session-options.js";
import type { KeySelection } from "../key-selection.js";
import type { Watch, WatchOptions } from "../watch/watch-types.js";
import type { GrantOptions, Lease, LeaseStatus, TimeToLiveOptions } from "./lease.js";
import type { KeyRange, RangeOptions } from "./range.js";
import type { Txn } from "./txn.js";

/** What the key-value store can do beyond single keys: ranges, history, transactions, watches. */
export interface KvOperations {
  /**
   * The selected keys with all that the store knows of them, of the present or of the past.
   *
   * @throws EngineError `COMPACTED` for a revision no longer kept, `INVALID_REQUEST` for one that is
   *   yet to come
   * @example
   * const { entries, count } = await client.range({ prefix: "config/" }, { limit: 10 });
   */
  range(selection: KeySelection, options?: RangeOptions): Promise<KeyRange>;
  /**
   * The same in parts of `limit` keys, or of as many as an answer holds, all of the revision that
   * the first one read. Each part is a read with its own deadline.
   *
   * @example
   * for await (const { entries } of client.pages({ prefix: "user/" }, { limit: 500 })) index(entries);
   */
  pages(selection: KeySelection, options?: RangeOptions): AsyncGenerator<KeyRange, undefined>;
  /** Begins a transaction. */
  txn(): Txn;
  /** Removes the selected keys, all at one revision; resolves to how many there were. */
  deleteRange(selection: KeySelection, options?: CallOptions): Promise<number>;
  /**
   * Gives up what was overwritten or deleted before `revision`, which is the oldest one that can be
   * read and watched from then on.
   */
  compact(revision: number, options?: CallOptions): Promise<void>;
  /**
   * A lease of `ttlMs`, kept alive until it is revoked or the client closed: keys put with it end
   * with it. A grant whose outcome is unknown leaves at worst a lease that ends by itself.
   */
  grantLease(ttlMs: number, options?: GrantOptions): Promise<Lease>;
  /** What the cluster knows of any lease; `undefined` when there is none of this id. */
  leaseTimeToLive(id: number, options?: TimeToLiveOptions): Promise<LeaseStatus | undefined>;
  /** The ids of all leases. */
  leases(options?: ReadOptions): Promise<readonly number[]>;
  /**
   * A client whose writes are applied once, however often they had to be sent: where the answer of a
   * write is lost it is asked for again, instead of `OUTCOME_UNKNOWN`. Kept alive until it is closed.
   * An opening without an answer leaves at worst a session that ends by itself.
   *
   * @throws EngineError `INVALID_REQUEST`, `RATE_LIMITED` beyond 1,000 sessions of one client,
   *   `CLUSTER_UNAVAILABLE` and what else a write rejects with
   * @example
   * await using session = await client.openSession({ ttlMs: 30_000 });
   * const isMine = await session.compareAndSwap("seat/12", "free", "me"); // true once, or false
   */
  openSession(options?: SessionOptions): Promise<ClientSession>;
  /**
   * The events of the selected keys, from now on or from a revision of the past.
   *
   * @throws EngineError `CLOSED`, `INVALID_REQUEST` and `RATE_LIMITED` at once; what ends a watch is
   *   told by `Watch.next`
   * @example
   * for await (const { events } of client.watch({ prefix: "config/" }, { signal })) {
   *   for (const event of events) if (event.kind === "put") apply(event.record);
   * }
   */
  watch(selection: KeySelection, options?: WatchOptions): Watch;
}
