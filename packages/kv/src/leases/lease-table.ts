import type { ExpireCommand, LeaseDeadline } from "@d-engine/codec";
import { invariant } from "@d-engine/core";
import { BTree } from "../btree.js";
import type { WriteRefusal } from "../write-outcome.js";
import { EXPIRE_KEYS_MAX, EXPIRE_LEASES_MAX, LEASE_KEYS_MAX } from "./bounds.js";
import { compareDeadlines, type Lease, OWN_LEASE_IDS_FROM } from "./lease.js";
import { LeaseKeys } from "./lease-keys.js";

/** What of the table is neither a lease nor derived. */
export interface LeaseClock {
  /** The latest stamp that was applied: the time of the machine. */
  readonly nowMs: number;
  /** How many own leases there have been. */
  readonly ownLeases: number;
}

/** Leases as they were once, for ever. */
export interface LeaseView {
  readonly clock: LeaseClock;
  /** In the order of their ids, own ones among them. */
  leases(): Iterable<Lease>;
}

/**
 * The leases of the store, the time that they live by, and which keys end with which.
 *
 * A lease lives until a command ends it, never by time alone: what the log says is the same on
 * every replica (T3). Nothing but a keep-alive moves a deadline, so that neither a new leader nor
 * a restart makes a lease longer or shorter (scenario 64).
 *
 * The leases by id are a B+tree whose clones share its nodes, and its values are never changed: a
 * view costs microseconds, and later changes pay for the nodes that they touch. Keys and the order
 * of the deadlines are derived, and in no view.
 *
 * Invariant: both trees hold the same leases; own leases have one key, but for the moment between
 * `grantOwn` and `attach`.
 */
export class LeaseTable {
  readonly #byId = new BTree<number, Lease>(undefined, compareIds);
  readonly #byDeadline = new BTree<LeaseDeadline, undefined>(undefined, compareDeadlines);
  readonly #keys: LeaseKeys;
  #nowMs: number;
  #ownLeases: number;
  #ownCount = 0;

  /** Empty, or for leases to be added whose keys are known already. */
  constructor(clock: LeaseClock = { nowMs: 0, ownLeases: 0 }, keys = new LeaseKeys()) {
    this.#nowMs = clock.nowMs;
    this.#ownLeases = clock.ownLeases;
    this.#keys = keys;
  }

  /** The highest stamp so far. Cluster time is at least this (rule R15). */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many leases there are, own ones among them. */
  get size(): number {
    return this.#byId.size;
  }

  /** How many leases clients were granted. */
  get grantedCount(): number {
    return this.#byId.size - this.#ownCount;
  }

  /** Takes over the stamp of a command; an older one than the last moves nothing (rule R15). */
  advance(stampMs: number): void {
    if (stampMs > this.#nowMs) this.#nowMs = stampMs;
  }

  get(id: number): Lease | undefined {
    return this.#byId.get(id);
  }

  /** As `get`, for clients: own leases are not theirs. */
  granted(id: number): Lease | undefined {
    return id < OWN_LEASE_IDS_FROM ? this.#byId.get(id) : undefined;
  }

  /** Ids of the leases that clients were granted, ascending. */
  *grantedIds(): Generator<number> {
    for (const id of this.#byId.keys()) {
      if (id >= OWN_LEASE_IDS_FROM) return;
      yield id;
    }
  }

  /** Adds a lease that `get` does not know, living from now on. */
  grant(id: number, ttlMs: number, session: boolean): Lease {
    invariant(id >= 1 && id < OWN_LEASE_IDS_FROM, () => `granting lease ${id}`);
    const lease = { id, ttlMs, deadlineMs: this.#deadline(ttlMs), session, own: false };
    this.add(lease);
    return lease;
  }

  /** Adds the lease of one put, whose key `attach` must name next. */
  grantOwn(ttlMs: number): Lease {
    const id = OWN_LEASE_IDS_FROM + this.#ownLeases++;
    const lease = { id, ttlMs, deadlineMs: this.#deadline(ttlMs), session: false, own: true };
    this.add(lease);
    return lease;
  }

  /** Adds a lease as it is, from a snapshot. */
  add(lease: Lease): void {
    invariant(this.#byId.set(lease.id, lease), () => `lease ${lease.id} was added twice`);
    this.#byDeadline.set(lease, undefined);
    if (lease.own) this.#ownCount++;
  }

  /** The lease anew, living its whole time from now on: also when the deadline has passed. */
  keepAlive(lease: Lease): Lease {
    const renewed = { ...lease, deadlineMs: this.#deadline(lease.ttlMs) };
    this.#byDeadline.delete(lease);
    this.#byDeadline.set(renewed, undefined);
    this.#byId.set(lease.id, renewed);
    return renewed;
  }

  /** Ends a lease whose keys are gone. */
  remove(id: number): void {
    const lease = this.#byId.get(id);
    invariant(lease !== undefined, () => `removing lease ${id}, which is not there`);
    invariant(this.keyCount(id) === 0, () => `removing lease ${id}, which has keys`);
    this.#byId.delete(id);
    this.#byDeadline.delete(lease);
    if (lease.own) this.#ownCount--;
  }

  /** Binds a key, whose record says so. Does nothing if it is bound to this lease already. */
  attach(id: number, key: string): void {
    const lease = this.#byId.get(id);
    invariant(lease !== undefined, () => `binding a key to lease ${id}, which is not there`);
    this.#keys.add(id, key);
    invariant(this.keyCount(id) <= (lease.own ? 1 : LEASE_KEYS_MAX), "a lease has too many keys");
  }

  /**
   * Frees a key that was bound: its record names another lease now, or none, or is gone. An own
   * lease goes with its key, so that its deadline never hits a later life of it (scenario 66).
   */
  detach(id: number, key: string): void {
    this.#keys.delete(id, key);
    if (this.#byId.get(id)?.own === true) this.remove(id);
  }

  keyCount(id: number): number {
    return this.#keys.count(id);
  }

  /** Whether `holds` of every key of the lease, in no order. */
  everyKey(id: number, holds: (key: string) => boolean): boolean {
    return this.#keys.every(id, holds);
  }

  /** In byte order. */
  keysOf(id: number): readonly string[] {
    return this.#keys.sorted(id);
  }

  /**
   * Why `keys` cannot all be bound to the lease that a client names; `undefined`: they can. To be
   * asked before anything of the command is done.
   */
  attachRefusal(id: number, keys: readonly string[]): WriteRefusal | undefined {
    if (this.granted(id) === undefined) return leaseNotFound(id);
    const count = this.keyCount(id);
    // Most leases are far from it, and then nothing needs to be looked up.
    if (count + keys.length <= LEASE_KEYS_MAX) return undefined;
    const added = new Set(keys.filter((key) => !this.#keys.has(id, key))).size;
    if (count + added <= LEASE_KEYS_MAX) return undefined;
    const message =
      `lease ${id} has ${count} keys, and ${added} more would exceed ${LEASE_KEYS_MAX}; ` +
      "grant another lease for them";
    return { code: "INVALID_REQUEST", message };
  }

  /** When the next lease ends; `undefined`: there is none. */
  get nextDeadlineMs(): number | undefined {
    return this.#byDeadline.minKey()?.deadlineMs;
  }

  /**
   * The command that ends the leases whose deadline is reached at `nowMs`, earliest first and by
   * id, as many as the bounds allow; at least one, whose keys are never more than
   * `LEASE_KEYS_MAX`. What is left has to be asked for again: at once behind `after`, the last of
   * those that are being ended already.
   */
  expiredAt(
    nowMs: number,
    leasesMax = EXPIRE_LEASES_MAX,
    keysMax = EXPIRE_KEYS_MAX,
    after?: LeaseDeadline,
  ): ExpireCommand | undefined {
    const leases: LeaseDeadline[] = [];
    let keys = 0;
    for (const { id, deadlineMs } of this.#byDeadline.keys(after)) {
      if (deadlineMs > nowMs || leases.length === leasesMax) break;
      if (deadlineMs === after?.deadlineMs && id === after.id) continue;
      keys += this.keyCount(id);
      if (keys > keysMax && leases.length > 0) break;
      leases.push({ id, deadlineMs });
    }
    return leases.length === 0 ? undefined : { kind: "expire", leases };
  }

  /** The leases as they are now, for ever. */
  view(): LeaseView {
    const tree = this.#byId.clone();
    return {
      clock: { nowMs: this.#nowMs, ownLeases: this.#ownLeases },
      leases: () => tree.values(),
    };
  }

  #deadline(ttlMs: number): number {
    const deadlineMs = this.#nowMs + ttlMs;
    invariant(Number.isSafeInteger(deadlineMs), () => `a deadline of ${deadlineMs}`);
    return deadlineMs;
  }
}

/** Also for leases that were, and for those that are hidden. */
export function leaseNotFound(id: number): WriteRefusal {
  return {
    code: "LEASE_NOT_FOUND",
    message: `there is no lease ${id}: never granted, revoked or expired; grant another one`,
  };
}

function compareIds(a: number, b: number): number {
  return a - b;
}
