import {
  CodecError,
  decodeWriteCommand,
  type ExpireCommand,
  type KvQuery,
  type KvQueryResult,
  type LeaseDeadline,
  type WriteCommand,
} from "@d-engine/codec";
import {
  EngineError,
  InvariantViolation,
  type LogIndex,
  type StateMachine,
  type StateRestoration,
  type StateSnapshot,
} from "@d-engine/core";
import type { Access } from "./auth/access.js";
import type { AuthState } from "./auth/auth-state.js";
import { denialOf, queryDenialOf } from "./auth/authorize.js";
import { NamedPut } from "./auth/named-put.js";
import { checkClientCommand } from "./check/check-client.js";
import { checkCommand } from "./check/check-command.js";
import { checkPlainPut } from "./check/check-put.js";
import { keysMade } from "./check/keys-made.js";
import { needsStamp } from "./check/needs-stamp.js";
import { execute } from "./execute.js";
import { applyPlainPut } from "./handlers/put.js";
import type { EventVisitor } from "./history/kv-event.js";
import type { RevisionEvents } from "./history/revision-events.js";
import { compacted } from "./history/revision-refusals.js";
import { type KvReader, type KvScan, readMulti, readPrefix, readValue } from "./kv-reader.js";
import { KvStore } from "./kv-store.js";
import { KvView } from "./kv-view.js";
import { checkLeaseRoom } from "./leases/check-lease.js";
import { type KvLimits, resolveKvLimits } from "./limits.js";
import { PlainPut } from "./plain-put.js";
import { answerQuery } from "./query/answer-query.js";
import { recordValue } from "./record.js";
import { KvRestoration } from "./snapshot/kv-restoration.js";
import { KvSnapshot } from "./snapshot/kv-snapshot.js";
import { type StateHash, stateHash } from "./state-hash.js";
import type { WriteOutcome, WriteRefusal } from "./write-outcome.js";

/**
 * The replicated key-value store: `d_engine.client.WriteCommand` bytes in, the same state and the
 * same outcomes out on every node. It knows no clock, no chance and no locale, and its limits
 * steer `validate` alone: nodes that are configured differently still apply alike.
 *
 * The revision grows by exactly one for each command that changed a key. A put always does; a
 * compare-and-swap that does not match, a delete of nothing, a lease grant and every skipped entry
 * do not. What a revision did is remembered until it is compacted.
 *
 * It knows the time of the cluster by the stamps of commands alone, and ends no lease by itself:
 * the leader asks for `expiredAt` and proposes that, and `compactionDue` likewise.
 *
 * The bytes of applied commands are kept, not copied: values are views of them. So a command must
 * lie in memory of about its own size (a slab of a few KiB), or a small value would hold on to a
 * whole received message.
 *
 * @example
 * const store = new KvStateMachine();
 * store.validate(command);
 * const { revision } = store.apply(logIndex(1), command);
 */
export class KvStateMachine implements StateMachine<WriteOutcome>, KvReader {
  readonly limits: KvLimits;
  /**
   * Called within `apply` once for each command that changed keys, with all its events; they are
   * of one revision, and can be asked for until the listener returns. It must not apply anything,
   * and must not throw.
   */
  onEvents: ((events: RevisionEvents) => void) | undefined;
  /** Called within `apply` when who may do what has changed, likewise. */
  onAuthChanged: (() => void) | undefined;
  /** Called when the whole state was replaced by that of a snapshot, likewise. */
  onReplaced: (() => void) | undefined;
  #store = new KvStore();
  readonly #plainPut = new PlainPut();
  readonly #namedPut = new NamedPut(this.#plainPut);
  #lastApplied = 0 as LogIndex;

  /** Throws `INVALID_REQUEST` naming every bad limit. */
  constructor(limits?: Partial<KvLimits>) {
    this.limits = resolveKvLimits(limits);
  }

  get lastApplied(): LogIndex {
    return this.#lastApplied;
  }

  get revision(): number {
    return this.#store.revision;
  }

  /** How many keys there are. */
  get keys(): number {
    return this.#store.records.size;
  }

  /** Bytes of all keys and values, without what it costs to hold them in memory. */
  get bytes(): number {
    return this.#store.bytes;
  }

  /** The latest stamp that was applied: the time of the cluster is this or later (rule R15). */
  get lastStampMs(): number {
    return this.#store.leases.nowMs;
  }

  /** How many leases there are, those of single puts among them. */
  get leaseCount(): number {
    return this.#store.leases.size;
  }

  /** The oldest revision that can be read; 0 while none was compacted. */
  get oldestRevision(): number {
    return this.#store.history.oldestRevision;
  }

  /**
   * The oldest revision whose events can be visited. That is `oldestRevision`, or the next one
   * where the history begins with a state that came without its past.
   */
  get oldestEventRevision(): number {
    return this.#store.history.oldestEventRevision;
  }

  /** Who may do what, as it is now. */
  get auth(): AuthState {
    return this.#store.auth;
  }

  /**
   * Why a command, of a client, would be refused to whoever has this access if it were applied now;
   * `undefined`: it would not. Looked at again when it is applied.
   */
  denialOf(bytes: Uint8Array, access: Access): WriteRefusal | undefined {
    return access.root
      ? undefined
      : denialOf(this.#store, decodeOr("INVALID_REQUEST", bytes), access);
  }

  /**
   * Why a query would be refused to whoever has this access, by the present state; `undefined`: it
   * would not.
   */
  queryDenialOf(query: KvQuery, access: Access): WriteRefusal | undefined {
    return queryDenialOf(this.#store, query, access);
  }

  /**
   * Throws `INVALID_REQUEST` for what only a leader may propose: a command with a stamp, an expiry,
   * a time entry, a change of users, who writes (rule R14). To be asked of every command of a client,
   * before `validate` is asked of what becomes of it.
   */
  validateClient(bytes: Uint8Array): void {
    if (!this.#plainPut.read(bytes)) checkClientCommand(decodeOr("INVALID_REQUEST", bytes));
  }

  /** Whether a command has to carry the leader's stamp (`appendStamp`) when it is proposed. */
  needsStamp(bytes: Uint8Array): boolean {
    return !this.#plainPut.read(bytes) && needsStamp(decodeOr("INVALID_REQUEST", bytes));
  }

  /**
   * Throws `INVALID_REQUEST` for what must not enter the log (rule R14): bytes that are no
   * command, no operation, what is outside the limits, what needs a stamp and has none. Throws
   * `RATE_LIMITED` for a new key or lease when the store is full. Reads the state, never changes it.
   */
  validate(bytes: Uint8Array): void {
    const put = this.#plainPut;
    if (put.read(bytes)) {
      checkPlainPut(put.keyTo - put.keyFrom, put.valueTo - put.valueFrom, this.limits);
      if (this.#isFull()) this.#checkRoom(put.key(bytes));
      return;
    }
    const command = decodeOr("INVALID_REQUEST", bytes);
    checkCommand(command, this.limits);
    if (command.kind === "leaseGrant") checkLeaseRoom(this.#store.leases, this.limits.leasesMax);
    if (this.#isFull()) for (const key of keysMade(command)) this.#checkRoom(key);
  }

  /**
   * Executes a committed command. What the state does not allow (a lease that is not there, say) is
   * a `refusal` in the outcome. What cannot be executed stops the node, with the state unchanged:
   * `InvariantViolation` for an index out of turn, which is our bug; `DATA_CORRUPTION` for bytes
   * that no validated command can have, which disk or network must have altered.
   */
  apply(index: LogIndex, bytes: Uint8Array): WriteOutcome {
    this.#checkTurn(index);
    const store = this.#store;
    const before = store.revision;
    const { auth } = store;
    const put = this.#allowedPut(bytes, auth);
    const outcome =
      put === undefined
        ? execute(store, decodeOr("DATA_CORRUPTION", bytes, index), index)
        : applyPlainPut(store, put, this.#plainPut);
    this.#lastApplied = index;
    store.history.sweep(sweepSteps);
    if (this.onEvents !== undefined && store.revision !== before) {
      this.onEvents(store.history.latest());
    }
    if (store.auth !== auth) this.onAuthChanged?.();
    return outcome;
  }

  skip(index: LogIndex): void {
    this.#checkTurn(index);
    this.#lastApplied = index;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return readValue(this.#store.records, key);
  }

  /**
   * Like `get`, for a key given as a string whose characters, U+0000 to U+00FF, are its bytes. An
   * ASCII string is its own UTF-8 form, so callers with such strings save the encoding.
   */
  getByString(key: string): Uint8Array | undefined {
    const record = this.#store.records.get(key);
    return record === undefined ? undefined : recordValue(record);
  }

  getMulti(keys: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return readMulti(this.#store.records, keys);
  }

  scanPrefix(prefix: Uint8Array, limit?: number, after?: Uint8Array): KvScan {
    return readPrefix(this.#store.records, this.revision, prefix, limit, after);
  }

  /**
   * Answers a query: ranges, also of a past revision, and what there is to know of leases. Goes on
   * after a cut (`more`) with the next key at the `revision` of the answer. Of a range the entries
   * take about `bytesMax` bytes, but at least one is given. `nowMs` is the time of the cluster, for
   * what is left of a lease.
   *
   * @throws EngineError `COMPACTED` for a revision before `oldestRevision`, which the message names;
   *   `INVALID_REQUEST` for one that is still to come, and for an empty key
   */
  query(query: KvQuery, bytesMax: number, nowMs: number = this.lastStampMs): KvQueryResult {
    return answerQuery(this.#store, query, bytesMax, nowMs);
  }

  /**
   * Visits the events of the revisions [`from`, `to`) in their order until `visit` answers `false`;
   * without `to`, up to the present one. Nothing may be applied meanwhile.
   *
   * @throws EngineError `COMPACTED` when `from` is before `oldestEventRevision`
   */
  events(from: number, to: number | undefined, visit: EventVisitor): void {
    const { history, revision } = this.#store;
    const oldest = history.oldestEventRevision;
    if (from < oldest) {
      const { code, message } = compacted(from, oldest);
      throw new EngineError(code, message);
    }
    history.visit(from, to ?? revision + 1, visit);
  }

  /**
   * The command that ends leases whose time has come at `nowMs`, those behind `after` in the order
   * of (deadline, id); `undefined`: there are none.
   */
  expiredAt(nowMs: number, after?: LeaseDeadline): ExpireCommand | undefined {
    return this.#store.leases.expiredAt(nowMs, undefined, undefined, after);
  }

  /**
   * The revision to compact at when the history has outgrown `historyEventsMax` or
   * `historyBytesMax`: with it a quarter of the allowance is free again.
   */
  compactionDue(): number | undefined {
    const { historyEventsMax, historyBytesMax } = this.limits;
    const { history } = this.#store;
    const { events, bytes } = history.size;
    if (events <= historyEventsMax && bytes <= historyBytesMax) return undefined;
    return history.boundaryFor({
      events: Math.floor(historyEventsMax * keptShare),
      bytes: Math.floor(historyBytesMax * keptShare),
    });
  }

  /** The state as it is now, for ever. Costs microseconds; see `OrderedIndex` for what follows. */
  view(): KvView {
    return new KvView(this.#store.snapshot(), this.lastApplied);
  }

  /** As `view`, in the records of a snapshot: those of `KV_NAMESPACE`. */
  snapshot(): StateSnapshot {
    return new KvSnapshot(this.view());
  }

  /** Views and snapshots that were taken before it is finished stay what they are. */
  restore(): StateRestoration {
    return new KvRestoration((store, lastApplied) => {
      this.#store = store;
      this.#lastApplied = lastApplied;
      this.onReplaced?.();
    });
  }

  /** Equal for nodes with an equal `lastApplied` (invariant I12). Reads the whole store. */
  stateHash(): StateHash {
    return stateHash(this.#store.present());
  }

  /** The plain put that the bytes are, if it needs no further look; `#plainPut` has read it. */
  #allowedPut(bytes: Uint8Array, auth: AuthState): Uint8Array | undefined {
    if (auth.enabled) return this.#namedPut.allowed(bytes, auth);
    return this.#plainPut.read(bytes) ? bytes : undefined;
  }

  #checkTurn(index: LogIndex): void {
    if (index === this.#lastApplied + 1) return;
    throw new InvariantViolation(`applying entry ${index} after entry ${this.#lastApplied}`);
  }

  #isFull(): boolean {
    return this.keys >= this.limits.keysMax;
  }

  #checkRoom(key: string): void {
    if (this.#store.find(key) !== undefined) return;
    const { keysMax } = this.limits;
    throw new EngineError(
      "RATE_LIMITED",
      `the store holds ${this.keys} keys, keysMax = ${keysMax}; delete some before adding others`,
    );
  }
}

/** Throws `code` for bytes that are no command; `index` is the log entry, if they are in one. */
function decodeOr(
  code: "INVALID_REQUEST" | "DATA_CORRUPTION",
  bytes: Uint8Array,
  index?: LogIndex,
): WriteCommand {
  try {
    const command = decodeWriteCommand(bytes);
    if (command.kind !== "none") return command;
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new EngineError(code, `${place(index)} cannot be decoded: ${cause.message}`, { cause });
  }
  throw new EngineError(code, `${place(index)} holds no operation that this version knows`);
}

function place(index: LogIndex | undefined): string {
  return index === undefined ? "the write command" : `the command of log entry ${index}`;
}

/** More than a command adds to the history, as a rule: memory is given back as fast as it is taken. */
const sweepSteps = 64;

/** Of the history, when it is compacted because it has become too large. */
const keptShare = 0.75;
