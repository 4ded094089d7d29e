import type { KvCommand, KvQuery, KvQueryResult } from "@d-engine/codec";
import { type Clock, EngineError } from "@d-engine/core";
import { AbstractEngineClient } from "../abstract-engine-client.js";
import type {
  Bytes,
  CallOptions,
  EngineClient,
  PutOptions,
  PutResult,
  ReadOptions,
} from "../engine-client.js";
import type { ClientSession } from "../exactly-once/client-session.js";
import type { SessionOptions } from "../exactly-once/session-options.js";
import { systemClock } from "../internal/system-clock.js";
import { type KeySelection, spanOf } from "../key-selection.js";
import { toBytes } from "../to-bytes.js";
import type { Watch, WatchOptions } from "../watch/watch-types.js";
import type { KvOutcome, KvPort, KvWriteOutcome, WritePort } from "./kv-port.js";
import {
  type GrantOptions,
  Lease,
  type LeaseStatus,
  type TimeToLiveOptions,
  timeToLive,
} from "./lease.js";
import { type KeyRange, keyRangeOf, nextPage, type RangeOptions, rangeQuery } from "./range.js";
import { Txn } from "./txn.js";

/** The store's own operations over two primitives and the watch, so that no client differs in them. */
export abstract class AbstractKvClient
  extends AbstractEngineClient
  implements EngineClient, KvPort, WritePort
{
  abstract execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome>;
  abstract carry(command: Uint8Array, options?: CallOptions): Promise<KvWriteOutcome>;
  abstract query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult>;
  abstract watch(selection: KeySelection, options?: WatchOptions): Watch;

  abstract openSession(options?: SessionOptions): Promise<ClientSession>;

  /**
   * The clock that `client` lives by, for what is built on clients: a simulated one goes by the time
   * of its simulation, and so must its pauses and deadlines.
   */
  static clockOf(client: object): Clock {
    return client instanceof AbstractKvClient ? client.clock : systemClock;
  }

  protected abstract readonly clock: Clock;
  protected readonly sessions = new Set<{ abandon(): void }>();
  readonly #leases = new Set<Lease>();

  async range(selection: KeySelection, options: RangeOptions = {}): Promise<KeyRange> {
    const result = await this.query(rangeQuery(selection, options), options);
    if (result.kind === "range") return keyRangeOf(result);
    throw new EngineError("INVALID_RESPONSE", "a range read was answered with something else");
  }

  async *pages(
    selection: KeySelection,
    options: RangeOptions = {},
  ): AsyncGenerator<KeyRange, undefined> {
    let query = options.countOnly ? undefined : rangeQuery(selection, options);
    if (query === undefined) {
      throw new EngineError("INVALID_REQUEST", "a count has no pages; use range with countOnly");
    }
    while (query !== undefined) {
      const result: KvQueryResult = await this.query(query, options);
      if (result.kind !== "range") {
        throw new EngineError("INVALID_RESPONSE", "a range read was answered with something else");
      }
      const page = keyRangeOf(result);
      yield page;
      query = nextPage(query, page);
    }
  }

  txn(): Txn {
    return new Txn(this);
  }

  async deleteRange(selection: KeySelection, options?: CallOptions): Promise<number> {
    const { detail } = await this.execute({ kind: "deleteRange", ...spanOf(selection) }, options);
    if (detail?.kind === "deleted") return detail.deleted;
    throw new EngineError("INVALID_RESPONSE", "a delete was answered without a count", {
      outcome: "unknown",
    });
  }

  async compact(revision: number, options?: CallOptions): Promise<void> {
    if (!Number.isSafeInteger(revision) || revision < 1) {
      const what = `the revision must be an integer, 1 or more, got ${revision}`;
      throw new EngineError("INVALID_REQUEST", what);
    }
    await this.execute({ kind: "compact", revision }, options);
  }

  async grantLease(ttlMs: number, options: GrantOptions = {}): Promise<Lease> {
    const { id = 0, keepAlive = true, ...bounds } = options;
    if (!Number.isSafeInteger(ttlMs) || ttlMs < 1) {
      const what = `ttlMs must be an integer of milliseconds, 1 or more, got ${ttlMs}`;
      throw new EngineError("INVALID_REQUEST", what);
    }
    if (this.#leases.size >= leasesMax) {
      const what = `${leasesMax} leases are held by this client; revoke some`;
      throw new EngineError("RATE_LIMITED", what);
    }
    const { clock } = this;
    const sentMs = clock.nowMs();
    const command = { kind: "leaseGrant", id, ttlMs, session: false } as const;
    const { detail } = await this.execute(command, bounds);
    if (detail?.kind !== "lease") {
      throw new EngineError("INVALID_RESPONSE", "a grant was answered without a lease", {
        outcome: "unknown",
      });
    }
    const lease = new Lease({
      port: this,
      clock,
      id: detail.id,
      ttlMs: detail.ttlMs,
      sentMs,
      keepAlive,
      onEnd: (ended) => this.#leases.delete(ended),
    });
    this.#leases.add(lease);
    return lease;
  }

  leaseTimeToLive(id: number, options?: TimeToLiveOptions): Promise<LeaseStatus | undefined> {
    return timeToLive(this, id, options);
  }

  async leases(options?: ReadOptions): Promise<readonly number[]> {
    const result = await this.query({ kind: "leaseList" }, options);
    if (result.kind === "leases") return result.ids;
    throw new EngineError("INVALID_RESPONSE", "the answer to a list of leases is something else");
  }

  /** To be called when the client closes: leases and sessions are kept no longer. */
  protected endLeases(): void {
    for (const session of [...this.sessions]) session.abandon();
    for (const lease of [...this.#leases]) {
      lease.end(new EngineError("CLOSED", `the client of lease ${lease.id} was closed`));
    }
  }

  /** The put of a key that ends with a lease. */
  protected async putWithLease(
    key: Bytes,
    value: Bytes,
    options: PutOptions & { readonly lease: Lease | number },
  ): Promise<PutResult> {
    const { lease, ttlMs, ...bounds } = options;
    if (ttlMs !== undefined) {
      throw new EngineError("INVALID_REQUEST", "a key ends with a lease or by ttlMs, not by both");
    }
    // After a stall the local clock knows that it is too late before anybody else does (R18).
    if (lease instanceof Lease) lease.assertHeld();
    const id = lease instanceof Lease ? lease.id : lease;
    const { revision } = await this.execute(
      {
        kind: "leasePut",
        key: new Uint8Array(toBytes(key, "key")),
        value: new Uint8Array(toBytes(value, "value")),
        lease: id,
        ttlMs: 0,
      },
      bounds,
    );
    return { revision };
  }
}

/** Leases that one client keeps at the same time. */
const leasesMax = 10_000;
