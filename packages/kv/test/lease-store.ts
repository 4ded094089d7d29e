import type { LeaseDeadline } from "@d-engine/codec";
import type { LogIndex } from "@d-engine/core";
import { applyExpire } from "../src/leases/expire.js";
import { applyLeaseGrant } from "../src/leases/lease-grant.js";
import { applyLeaseKeepAlive } from "../src/leases/lease-keep-alive.js";
import { applyLeaseRevoke } from "../src/leases/lease-revoke.js";
import type { LeaseStore } from "../src/leases/lease-store.js";
import { LeaseTable } from "../src/leases/lease-table.js";
import { SessionTable } from "../src/sessions/session-table.js";
import type { WriteOutcome } from "../src/write-outcome.js";

/** The least that commands of leases need of a store: which key names which lease. */
export class LeaseStoreTwin implements LeaseStore {
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
  readonly bound = new Map<string, number>();
  revision = 0;
  index = 0;
  /** Keys of each removal, in their order. */
  readonly removals: (readonly string[])[] = [];

  constructor(leases = new LeaseTable(), sessions = new SessionTable()) {
    this.leases = leases;
    this.sessions = sessions;
  }

  removeKeys(keys: readonly string[]): void {
    if (keys.length === 0) return;
    this.revision++;
    this.removals.push(keys);
    for (const key of keys) this.#unbind(key);
  }

  at(nowMs: number): this {
    this.leases.advance(nowMs);
    return this;
  }

  grant(ttlMs: number, { id = 0, session = false } = {}): WriteOutcome {
    const command = { kind: "leaseGrant", id, ttlMs, session } as const;
    return applyLeaseGrant(this, command, ++this.index as LogIndex);
  }

  keepAlive(id: number): WriteOutcome {
    return applyLeaseKeepAlive(this, { kind: "leaseKeepAlive", id });
  }

  revoke(id: number): WriteOutcome {
    return applyLeaseRevoke(this, { kind: "leaseRevoke", id });
  }

  expire(...leases: LeaseDeadline[]): WriteOutcome {
    return applyExpire(this, { kind: "expire", leases });
  }

  /** What a leader would propose now. */
  expireDue(): WriteOutcome | undefined {
    const command = this.leases.expiredAt(this.leases.nowMs);
    return command === undefined ? undefined : applyExpire(this, command);
  }

  /** A put of `key`, bound to `lease`; 0: a plain one. */
  put(key: string, lease = 0): void {
    this.#unbind(key);
    this.#bind(key, lease);
  }

  putWithTtl(key: string, ttlMs: number): number {
    this.#unbind(key);
    const { id } = this.leases.grantOwn(ttlMs);
    this.#bind(key, id);
    return id;
  }

  #bind(key: string, lease: number): void {
    this.revision++;
    this.bound.set(key, lease);
    if (lease !== 0) this.leases.attach(lease, key);
  }

  #unbind(key: string): void {
    const lease = this.bound.get(key) ?? 0;
    if (lease !== 0) this.leases.detach(lease, key);
    this.bound.delete(key);
  }
}
