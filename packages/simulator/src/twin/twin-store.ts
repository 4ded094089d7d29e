import {
  decodeWriteCommand,
  type KeySpan,
  type TxnOperationResult,
  type WriteCommand,
} from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import { toName } from "../workload/call.js";
import { inSpan, readTwinRange } from "./twin-range.js";
import {
  describeResult,
  ownLeaseIdsFrom,
  type TwinEvent,
  type TwinOutcome,
  type TwinRecord,
} from "./twin-record.js";
import { TwinSessions } from "./twin-sessions.js";
import { planTwinTxn, type TwinTxnPlan } from "./twin-txn.js";

interface TwinLease {
  readonly ttlMs: number;
  readonly deadlineMs: number;
}

type Done = Omit<TwinOutcome, "revision">;

/**
 * The key-value store once more: plain, slow, and written from what the rules say instead of from
 * the code. It is given the log once, whoever applies an entry first, and says what every replica
 * must do with it.
 */
export class TwinStore {
  readonly records = new Map<string, TwinRecord>();
  readonly leases = new Map<number, TwinLease>();
  /** Of all revisions, in their order. */
  readonly events: TwinEvent[] = [];
  revision = 0;
  /** Everything before is compacted. */
  oldestRevision = 0;
  /** The time of the machine. */
  nowMs = 0;
  readonly #sessions = new TwinSessions();
  #ownLeases = 0;
  #isChanged = false;

  apply(index: number, bytes: Uint8Array): TwinOutcome {
    const command = decodeWriteCommand(bytes);
    if (command.kind === "none") throw new Error(`entry ${index} holds no command`);
    const { stampMs, mark } = command;
    this.nowMs = Math.max(this.nowMs, stampMs ?? 0);
    if (mark === undefined) return this.#once(command, index);
    return this.#sessions.run(mark, this.revision, () => this.#once(command, index));
  }

  /** Ids of leases that are not those of a put. */
  get granted(): readonly number[] {
    return [...this.leases.keys()].filter((id) => id < ownLeaseIdsFrom);
  }

  #once(command: WriteCommand, index: number): TwinOutcome {
    const done = this.#execute(command, index);
    if (this.#isChanged) this.revision += 1;
    this.#isChanged = false;
    return { ...done, revision: this.revision };
  }

  #execute(command: WriteCommand, index: number): Done {
    switch (command.kind) {
      case "put":
        this.#put(toName(command.key), toName(command.value), this.#own(command.ttlMs));
        return succeeded;
      case "delete":
        this.#remove(toName(command.key));
        return succeeded;
      case "compareAndSwap":
        return this.#swap(command);
      case "leasePut":
        if (this.#lacks(command.lease)) return refused("LEASE_NOT_FOUND");
        this.#leasePut(command);
        return succeeded;
      case "deleteRange":
        return { ...succeeded, detail: `${this.#removeSpan(command)} deleted` };
      case "txn": {
        const plan = planTwinTxn(this.records, command);
        if (this.#lacksOf(plan)) return refused("LEASE_NOT_FOUND");
        const detail = describeResult({ kind: "txn", ...this.#runTxn(plan) });
        return { succeeded: plan.succeeded, refusal: undefined, detail };
      }
      case "leaseGrant":
        return this.#grant(command, index);
      case "leaseKeepAlive": {
        const lease = this.leases.get(command.id);
        if (lease === undefined || command.id >= ownLeaseIdsFrom) return refused("LEASE_NOT_FOUND");
        this.leases.set(command.id, { ...lease, deadlineMs: this.nowMs + lease.ttlMs });
        return { ...succeeded, detail: `lease ${command.id} of ${lease.ttlMs} ms` };
      }
      case "leaseRevoke":
        if (!this.leases.has(command.id)) return refused("LEASE_NOT_FOUND");
        return { ...succeeded, detail: `${this.#end([command.id])} deleted` };
      case "expire": {
        const due = command.leases.filter(({ id, deadlineMs }) => {
          return this.leases.get(id)?.deadlineMs === deadlineMs && deadlineMs <= this.nowMs;
        });
        this.#end(due.map(({ id }) => id));
        return succeeded;
      }
      case "compact":
        if (command.revision > this.revision) return refused("INVALID_REQUEST");
        if (command.revision <= this.oldestRevision) return refused("COMPACTED");
        this.oldestRevision = command.revision;
        return succeeded;
      case "time":
      // Nobody is asked for in a simulation.
      case "auth":
        return succeeded;
      default:
        return assertNever(command);
    }
  }

  #swap(command: Extract<WriteCommand, { readonly kind: "compareAndSwap" }>): Done {
    const key = toName(command.key);
    const expected = command.expected === undefined ? undefined : toName(command.expected);
    const matches = this.records.get(key)?.value === expected;
    if (matches) this.#put(key, toName(command.value), 0);
    return { ...succeeded, succeeded: matches };
  }

  #grant(command: Extract<WriteCommand, { readonly kind: "leaseGrant" }>, index: number): Done {
    let id = command.id === 0 ? index : command.id;
    if (command.id !== 0 && this.leases.has(id)) return refused("LEASE_EXISTS");
    while (this.leases.has(id)) id += 1;
    this.leases.set(id, { ttlMs: command.ttlMs, deadlineMs: this.nowMs + command.ttlMs });
    if (command.session) this.#sessions.begin(id);
    return { ...succeeded, detail: `lease ${id} of ${command.ttlMs} ms` };
  }

  #runTxn(plan: TwinTxnPlan): { succeeded: boolean; results: TxnOperationResult[] } {
    const results = plan.operations.map((operation): TxnOperationResult => {
      switch (operation.kind) {
        case "leasePut":
          this.#leasePut(operation);
          return { kind: "put" };
        case "deleteRange":
          return { kind: "deleted", deleted: this.#removeSpan(operation) };
        case "range": {
          const revision = this.#isChanged ? this.revision + 1 : this.revision;
          return { kind: "range", ...readTwinRange(this.records, revision, operation) };
        }
        case "plan":
          return { kind: "txn", ...this.#runTxn(operation) };
        default:
          return assertNever(operation);
      }
    });
    return { succeeded: plan.succeeded, results };
  }

  #leasePut(command: Extract<WriteCommand, { readonly kind: "leasePut" }>): void {
    const { key, value, lease, ttlMs } = command;
    this.#put(toName(key), toName(value), ttlMs === 0 ? lease : this.#own(ttlMs));
  }

  /** Whether a lease that a put names is not there. */
  #lacks(lease: number): boolean {
    return lease !== 0 && (lease >= ownLeaseIdsFrom || !this.leases.has(lease));
  }

  #lacksOf({ operations }: TwinTxnPlan): boolean {
    return operations.some((operation) => {
      if (operation.kind === "plan") return this.#lacksOf(operation);
      return operation.kind === "leasePut" && this.#lacks(operation.lease);
    });
  }

  /** A lease for one put; 0 for a put that stays. */
  #own(ttlMs: number): number {
    if (ttlMs === 0) return 0;
    const id = ownLeaseIdsFrom + this.#ownLeases;
    this.#ownLeases += 1;
    this.leases.set(id, { ttlMs, deadlineMs: this.nowMs + ttlMs });
    return id;
  }

  #put(key: string, value: string, lease: number): void {
    const revision = this.revision + 1;
    const previous = this.records.get(key);
    const record: TwinRecord = {
      value,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    this.records.set(key, record);
    this.#changed(key, record, previous);
  }

  #remove(key: string): void {
    const previous = this.records.get(key);
    if (previous === undefined) return;
    this.records.delete(key);
    this.#changed(key, undefined, previous);
  }

  #removeSpan(span: KeySpan): number {
    const keys = [...this.records.keys()].filter((key) => inSpan(key, span)).sort();
    for (const key of keys) this.#remove(key);
    return keys.length;
  }

  /** Ends leases, with their keys, lease by lease; how many keys. */
  #end(ids: readonly number[]): number {
    let keys = 0;
    for (const id of ids) {
      const bound = [...this.records].filter(([, { lease }]) => lease === id);
      for (const key of bound.map(([key]) => key).sort()) {
        this.#remove(key);
        keys += 1;
      }
      this.leases.delete(id);
      this.#sessions.end(id);
    }
    return keys;
  }

  /** A key that is changed leaves the lease that it had; one of its own ends with that. */
  #changed(key: string, record: TwinRecord | undefined, previous: TwinRecord | undefined): void {
    this.#isChanged = true;
    this.events.push({ revision: this.revision + 1, key, record, previous });
    if (previous !== undefined && previous.lease >= ownLeaseIdsFrom) {
      this.leases.delete(previous.lease);
    }
  }
}

const succeeded: Done = { succeeded: true, refusal: undefined, detail: "" };

function refused(code: string): Done {
  return { succeeded: false, refusal: code, detail: "" };
}
