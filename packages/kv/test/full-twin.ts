import type { Compare, KvCommand, SessionMark, TxnCommand, TxnOperation } from "@d-engine/codec";
import { text } from "./commands.js";

/**
 * The whole store again, as slow and obvious as it can be: it keeps every version of everything,
 * and looks through all of it whenever it is asked. Keys and values are one-byte strings.
 */
export interface FullRecord {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  /** The lease as clients see it. */
  readonly lease: number;
}

export interface FullEvent {
  readonly revision: number;
  readonly key: string;
  readonly record: FullRecord | undefined;
  readonly previous: FullRecord | undefined;
}

export type FullCommand =
  | KvCommand
  | { readonly kind: "put"; readonly key: Uint8Array; readonly value: Uint8Array; ttlMs: number }
  | { readonly kind: "delete"; readonly key: Uint8Array }
  | {
      readonly kind: "compareAndSwap";
      readonly key: Uint8Array;
      readonly expected: Uint8Array | undefined;
      readonly value: Uint8Array;
    };

/** What a command answers; of a refusal the code. */
export interface FullOutcome {
  readonly succeeded: boolean;
  readonly revision: number;
  readonly existed: boolean;
  readonly refused?: string;
  readonly detail?: unknown;
}

interface TwinLease {
  readonly ttlMs: number;
  deadlineMs: number;
  readonly session: boolean;
  /** Of the put of one key. */
  readonly ownKey: string | undefined;
}

interface TwinSession {
  acknowledged: number;
  readonly outcomes: Map<number, FullOutcome>;
}

type State = ReadonlyMap<string, FullRecord>;

export class FullTwin {
  /** The state at each revision, from 0 on. */
  readonly states: State[] = [new Map()];
  readonly events: FullEvent[] = [];
  readonly leases = new Map<string, TwinLease>();
  readonly sessions = new Map<string, TwinSession>();
  oldest = 0;
  nowMs = 0;
  #draft = new Map<string, FullRecord>();
  #made: FullEvent[] = [];
  /** The lease that each key ends with, hidden ones too. */
  readonly #bound = new Map<string, string>();

  get revision(): number {
    return this.states.length - 1;
  }

  run(index: number, command: FullCommand, stampMs?: number, mark?: SessionMark): FullOutcome {
    if (stampMs !== undefined) this.nowMs = Math.max(this.nowMs, stampMs);
    if (mark === undefined) return this.#runOnce(index, command);
    const session = this.sessions.get(`${mark.id}`);
    if (session === undefined) return this.#refused("SESSION_EXPIRED");
    session.acknowledged = Math.max(session.acknowledged, mark.acknowledged);
    for (const sequence of session.outcomes.keys()) {
      if (sequence <= session.acknowledged) session.outcomes.delete(sequence);
    }
    if (mark.sequence <= session.acknowledged) return this.#refused("INVALID_REQUEST");
    const known = session.outcomes.get(mark.sequence);
    if (known !== undefined) return known;
    const outcome = this.#runOnce(index, command);
    this.sessions.get(`${mark.id}`)?.outcomes.set(mark.sequence, outcome);
    return outcome;
  }

  /** Keys of a lease, in byte order. */
  keysOf(lease: string): string[] {
    return [...this.#bound]
      .filter(([, id]) => id === lease)
      .map(([key]) => key)
      .sort();
  }

  /** What a range holds in a revision, in byte order. */
  range(revision: number, from: string, to: string | undefined): FullRecord[] {
    return inRange(this.states[revision]!, from, to);
  }

  #runOnce(index: number, command: FullCommand): FullOutcome {
    this.#draft = new Map(this.states.at(-1));
    this.#made = [];
    const outcome = this.#execute(index, command);
    if (typeof outcome === "string") return this.#refused(outcome);
    if (this.#made.length > 0) {
      this.states.push(this.#draft);
      this.events.push(...this.#made);
    }
    return { ...outcome, revision: this.revision };
  }

  #refused(refused: string): FullOutcome {
    return { succeeded: false, revision: this.revision, existed: false, refused };
  }

  /** A refusal's code, or what is answered. */
  #execute(index: number, command: FullCommand): Omit<FullOutcome, "revision"> | string {
    switch (command.kind) {
      case "put":
        return { succeeded: true, existed: this.#put(command.key, command.value, command) };
      case "delete":
        return { succeeded: true, existed: this.#delete(text(command.key)) };
      case "compareAndSwap": {
        const held = this.#draft.get(text(command.key))?.value;
        const expected = command.expected === undefined ? undefined : text(command.expected);
        if (held !== expected) return { succeeded: false, existed: held !== undefined };
        return { succeeded: true, existed: this.#put(command.key, command.value) };
      }
      case "leasePut":
        if (command.lease !== 0 && !this.leases.has(`${command.lease}`)) return "LEASE_NOT_FOUND";
        return { succeeded: true, existed: this.#put(command.key, command.value, command) };
      case "deleteRange": {
        const deleted = this.#deleteAll(command.key, command.rangeEnd);
        return { succeeded: true, existed: deleted > 0, detail: { kind: "deleted", deleted } };
      }
      case "txn":
        return this.#txn(command);
      case "compact":
        if (command.revision > this.revision) return "INVALID_REQUEST";
        if (command.revision <= this.oldest) return "COMPACTED";
        this.oldest = command.revision;
        return { succeeded: true, existed: false };
      case "time":
      // Nobody is asked for here.
      case "auth":
        return { succeeded: true, existed: false };
      case "leaseGrant": {
        const { ttlMs, session } = command;
        let id = command.id;
        if (id !== 0 && this.leases.has(`${id}`)) return "LEASE_EXISTS";
        if (id === 0) for (id = index; this.leases.has(`${id}`); ) id++;
        const deadlineMs = this.nowMs + ttlMs;
        this.leases.set(`${id}`, { ttlMs, deadlineMs, session, ownKey: undefined });
        if (session) this.sessions.set(`${id}`, { acknowledged: 0, outcomes: new Map() });
        return { succeeded: true, existed: false, detail: { kind: "lease", id, ttlMs } };
      }
      case "leaseKeepAlive": {
        const { id } = command;
        const lease = this.leases.get(`${id}`);
        if (lease === undefined) return "LEASE_NOT_FOUND";
        lease.deadlineMs = this.nowMs + lease.ttlMs;
        const detail = { kind: "lease", id, ttlMs: lease.ttlMs };
        return { succeeded: true, existed: true, detail };
      }
      case "leaseRevoke": {
        if (!this.leases.has(`${command.id}`)) return "LEASE_NOT_FOUND";
        const deleted = this.#end(`${command.id}`);
        return { succeeded: true, existed: true, detail: { kind: "deleted", deleted } };
      }
      case "expire": {
        let ended = 0;
        for (const { id, deadlineMs } of command.leases) {
          const name = this.#nameOf(id);
          const lease = this.leases.get(name);
          if (lease?.deadlineMs !== deadlineMs || deadlineMs > this.nowMs) continue;
          this.#end(name);
          ended++;
        }
        return { succeeded: true, existed: ended > 0 };
      }
    }
  }

  /** Own leases are named by their count, as the machine numbers them. */
  #nameOf(id: number): string {
    return id >= 2 ** 52 ? `own ${id - 2 ** 52}` : `${id}`;
  }

  #ownLeases = 0;

  #put(
    keyBytes: Uint8Array,
    value: Uint8Array,
    { ttlMs = 0, lease = 0 }: { ttlMs?: number; lease?: number } = {},
  ): boolean {
    const key = text(keyBytes);
    const previous = this.#draft.get(key);
    const revision = this.revision + 1;
    this.#unbind(key);
    if (lease !== 0) this.#bound.set(key, `${lease}`);
    if (ttlMs !== 0) {
      const name = `own ${this.#ownLeases++}`;
      this.#bound.set(key, name);
      const deadlineMs = this.nowMs + ttlMs;
      this.leases.set(name, { ttlMs, deadlineMs, session: false, ownKey: key });
    }
    const record = {
      key,
      value: text(value),
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      lease,
    };
    this.#draft.set(key, record);
    this.#made.push({ revision, key, record, previous });
    return previous !== undefined;
  }

  #delete(key: string): boolean {
    const previous = this.#draft.get(key);
    if (previous === undefined) return false;
    this.#unbind(key);
    this.#draft.delete(key);
    this.#made.push({ revision: this.revision + 1, key, record: undefined, previous });
    return true;
  }

  #unbind(key: string): void {
    const lease = this.#bound.get(key);
    if (lease === undefined) return;
    this.#bound.delete(key);
    if (this.leases.get(lease)?.ownKey !== undefined) this.leases.delete(lease);
  }

  #deleteAll(from: Uint8Array, to: Uint8Array | undefined): number {
    const found = inRange(this.#draft, text(from), to === undefined ? undefined : text(to));
    for (const { key } of found) this.#delete(key);
    return found.length;
  }

  #end(lease: string): number {
    const keys = this.keysOf(lease);
    for (const key of keys) this.#delete(key);
    this.leases.delete(lease);
    this.sessions.delete(lease);
    return keys.length;
  }

  #txn(txn: TxnCommand): Omit<FullOutcome, "revision"> | string {
    const before = this.states.at(-1)!;
    const puts = operationsTaken(before, txn).filter((operation) => operation.kind === "leasePut");
    for (const { lease } of puts) {
      if (lease !== 0 && !this.leases.has(`${lease}`)) return "LEASE_NOT_FOUND";
    }
    let existed = false;
    const run = (part: TxnCommand): { succeeded: boolean; results: unknown[] } => {
      const succeeded = part.compares.every((compare) => holds(before, compare));
      const results = (succeeded ? part.success : part.failure).map((operation) => {
        if (operation.kind === "txn") return { kind: "txn", ...run(operation) };
        if (operation.kind === "leasePut") {
          existed = this.#put(operation.key, operation.value, operation) || existed;
          return { kind: "put" };
        }
        const { key, rangeEnd } = operation;
        if (operation.kind === "deleteRange") {
          const deleted = this.#deleteAll(key, rangeEnd);
          existed ||= deleted > 0;
          return { kind: "deleted", deleted };
        }
        const to = rangeEnd === undefined ? undefined : text(rangeEnd);
        const revision = this.revision + (this.#made.length > 0 ? 1 : 0);
        return { kind: "range", revision, found: inRange(this.#draft, text(key), to) };
      });
      return { succeeded, results };
    };
    const result = run(txn);
    return { succeeded: result.succeeded, existed, detail: { kind: "txn", ...result } };
  }
}

/** All that a transaction will do, its compares looked at beforehand. */
function operationsTaken(before: State, txn: TxnCommand): Exclude<TxnOperation, TxnCommand>[] {
  const succeeded = txn.compares.every((compare) => holds(before, compare));
  return (succeeded ? txn.success : txn.failure).flatMap((operation) =>
    operation.kind === "txn" ? operationsTaken(before, operation) : [operation],
  );
}

function holds(state: State, compare: Compare): boolean {
  const to = compare.rangeEnd === undefined ? undefined : text(compare.rangeEnd);
  const found: (FullRecord | undefined)[] = inRange(state, text(compare.key), to);
  if (found.length === 0) found.push(undefined);
  return found.every((record) => {
    const { target } = compare;
    if (target === "value" && record === undefined) return false;
    const held = target === "value" ? record!.value : (record?.[target] ?? 0);
    const given = target === "value" ? text(compare.value) : compare.number;
    if (compare.result === "equal") return held === given;
    if (compare.result === "notEqual") return held !== given;
    return compare.result === "greater" ? held > given : held < given;
  });
}

function inRange(state: State, from: string, to: string | undefined): FullRecord[] {
  const all = [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  if (to === undefined) return all.filter(({ key }) => key === from);
  return all.filter(({ key }) => key >= from && (to === "" || key < to));
}
