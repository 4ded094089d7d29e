import { assertNever } from "@d-engine/core";
import { SessionTable } from "../sessions/session-table.js";
import { LEASE_KEYS_MAX } from "./bounds.js";
import type { Lease } from "./lease.js";
import { LeaseKeys } from "./lease-keys.js";
import { corruptLeases, type LeasePart } from "./lease-snapshot-reader.js";
import { LeaseTable } from "./lease-table.js";

/**
 * Leases and sessions that are built from a snapshot. Which keys end with a lease is said by their
 * records, which come first.
 */
export class LeaseRestoration {
  readonly #keys = new LeaseKeys();
  readonly #sessions = new SessionTable();
  #leases: LeaseTable | undefined;
  /** Keys whose lease has not come yet. */
  #unbound = 0;

  /** A record names this lease. */
  bind(id: number, key: string): void {
    this.#keys.add(id, key);
    this.#unbound++;
  }

  /** Takes what the reader has found sound. @throws EngineError `DATA_CORRUPTION` */
  add(part: LeasePart): void {
    switch (part.kind) {
      case "leaseState":
        this.#leases = new LeaseTable(part.clock, this.#keys);
        return;
      case "lease":
        this.#addLease(part.lease);
        return;
      case "session":
        this.#sessions.begin(part.id, part.acknowledged, part.owner);
        return;
      case "outcome":
        this.#sessions.add(part.session, part.sequence, part.outcome);
        return;
      default:
        assertNever(part);
    }
  }

  /** @throws EngineError `DATA_CORRUPTION` when a key would outlive a lease that is missing */
  finish(): { readonly leases: LeaseTable; readonly sessions: SessionTable } {
    if (this.#unbound !== 0) corruptLeases(`has ${this.#unbound} keys whose lease is missing`);
    return { leases: this.#table(), sessions: this.#sessions };
  }

  #addLease(lease: Lease): void {
    const keys = this.#keys.count(lease.id);
    if (keys > LEASE_KEYS_MAX || (lease.own && keys !== 1)) {
      corruptLeases(`has ${keys} keys that name lease ${lease.id}, which cannot have as many`);
    }
    this.#unbound -= keys;
    this.#table().add(lease);
  }

  #table(): LeaseTable {
    this.#leases ??= new LeaseTable(undefined, this.#keys);
    return this.#leases;
  }
}
