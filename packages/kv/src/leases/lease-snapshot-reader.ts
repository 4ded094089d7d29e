import { Reader } from "@d-engine/codec";
import { EngineError, type SnapshotRecord } from "@d-engine/core";
import { readOutcome, readSession, type StoredSession } from "../sessions/session-codec.js";
import type { StoredOutcome } from "../sessions/stored-outcome.js";
import { type Lease, OWN_LEASE_IDS_FROM } from "./lease.js";
import { readLease, readLeaseState } from "./lease-codec.js";
import { LEASE_NAMESPACE } from "./lease-snapshot.js";
import type { LeaseClock } from "./lease-table.js";
import { numberedKey, numbersOf } from "./numbered-key.js";

/** What one record of a snapshot says about leases and sessions. */
export type LeasePart =
  | { readonly kind: "leaseState"; readonly clock: LeaseClock }
  | { readonly kind: "lease"; readonly lease: Lease }
  | ({ readonly kind: "session"; readonly id: number } & StoredSession)
  | {
      readonly kind: "outcome";
      readonly session: number;
      readonly sequence: number;
      readonly outcome: StoredOutcome;
    };

/**
 * Reads the records of `LEASE_NAMESPACE` in their order, and lets nothing pass that no store can
 * have written.
 */
export class LeaseSnapshotReader {
  #clock: LeaseClock = { nowMs: 0, ownLeases: 0 };
  #lastKey = noKey;
  readonly #sessionLeases = new Set<number>();
  #session = { id: 0, acknowledged: 0 };

  /** @throws CodecError, EngineError `VERSION_MISMATCH`, `DATA_CORRUPTION` */
  read({ key, value }: SnapshotRecord): LeasePart {
    const numbers = numbersOf(key);
    if (numbers === undefined) corruptLeases("has a record of leases whose key has no such form");
    if (compareBytes(key, this.#lastKey) <= 0) {
      corruptLeases("has records of leases out of order, or twice");
    }
    this.#lastKey = key.slice();
    const [id = 0, sequence] = numbers;
    const reader = new Reader(value);
    const form = `${key[0]}/${numbers.length}`;
    if (form === stateForm) return this.#readState(reader);
    if (form === leaseForm) return this.#readLease(reader, id);
    if (form === sessionForm) return this.#readSession(reader, id);
    if (form === outcomeForm) return this.#readOutcome(reader, id, sequence ?? 0);
    return corruptLeases(`has a key of ${key.length} bytes in namespace ${key[0]}`);
  }

  /** To be called behind the last record. @throws EngineError `DATA_CORRUPTION` */
  checkComplete(): void {
    const [id] = this.#sessionLeases;
    if (id !== undefined) corruptLeases(`lacks the session of lease ${id}`);
  }

  #readState(reader: Reader): LeasePart {
    this.#clock = readLeaseState(reader);
    return { kind: "leaseState", clock: this.#clock };
  }

  #readLease(reader: Reader, id: number): LeasePart {
    const own = id >= OWN_LEASE_IDS_FROM;
    const lease: Lease = { id, ...readLease(reader), own };
    const { nowMs, ownLeases } = this.#clock;
    const { ttlMs, deadlineMs, session } = lease;
    const isSound =
      id > 0 &&
      ttlMs > 0 &&
      deadlineMs >= ttlMs &&
      deadlineMs - ttlMs <= nowMs &&
      (!own || (!session && id - OWN_LEASE_IDS_FROM < ownLeases));
    if (!isSound) {
      corruptLeases(
        `has lease ${id} of ${ttlMs} ms until ${deadlineMs}, in a store whose time is ${nowMs} ` +
          `and which has had ${ownLeases} leases of its own`,
      );
    }
    if (session) this.#sessionLeases.add(id);
    return { kind: "lease", lease };
  }

  #readSession(reader: Reader, id: number): LeasePart {
    if (!this.#sessionLeases.delete(id)) corruptLeases(`has session ${id} without its lease`);
    const stored = readSession(reader);
    this.#session = { id, acknowledged: stored.acknowledged };
    return { kind: "session", id, ...stored };
  }

  #readOutcome(reader: Reader, session: number, sequence: number): LeasePart {
    if (session !== this.#session.id || sequence <= this.#session.acknowledged) {
      corruptLeases(`has result ${sequence} of session ${session}, which that cannot have`);
    }
    return { kind: "outcome", session, sequence, outcome: readOutcome(reader) };
  }
}

const stateForm = `${LEASE_NAMESPACE.leaseState}/0`;
const leaseForm = `${LEASE_NAMESPACE.lease}/1`;
const sessionForm = `${LEASE_NAMESPACE.session}/1`;
const outcomeForm = `${LEASE_NAMESPACE.session}/2`;
const noKey = numberedKey(0);

export function corruptLeases(what: string): never {
  throw new EngineError("DATA_CORRUPTION", `the snapshot of the key-value store ${what}`);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
