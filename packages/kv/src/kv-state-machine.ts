import { CodecError, decodeWriteCommand, keyToString, type WriteCommand } from "@d-engine/codec";
import {
  EngineError,
  InvariantViolation,
  type LogIndex,
  type StateMachine,
  type StateRestoration,
  type StateSnapshot,
} from "@d-engine/core";
import { checkCommand, checkPlainPut } from "./check-command.js";
import { applyCompareAndSwap } from "./handlers/compare-and-swap.js";
import { applyDelete } from "./handlers/delete.js";
import { applyPlainPut, applyPut } from "./handlers/put.js";
import { type KvReader, type KvScan, readMulti, readPrefix, readValue } from "./kv-reader.js";
import { KvStore } from "./kv-store.js";
import { KvView } from "./kv-view.js";
import { type KvLimits, resolveKvLimits } from "./limits.js";
import { PlainPut } from "./plain-put.js";
import { recordValue } from "./record.js";
import { KvRestoration } from "./snapshot/kv-restoration.js";
import { KvSnapshot } from "./snapshot/kv-snapshot.js";
import { type StateHash, stateHash } from "./state-hash.js";
import type { WriteOutcome } from "./write-outcome.js";

/**
 * The replicated key-value store: `d_engine.client.WriteCommand` bytes in, the same state and the
 * same outcomes out on every node. It knows no clock, no chance and no locale, and its limits
 * steer `validate` alone: nodes that are configured differently still apply alike.
 *
 * The revision grows by exactly one for each command that changed the store. A put always does; a
 * compare-and-swap that does not match, a delete of nothing and every skipped entry do not.
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
  #store = new KvStore();
  readonly #plainPut = new PlainPut();
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

  /**
   * Throws `INVALID_REQUEST` for what must not enter the log (rule R14): bytes that are no
   * command, no operation, a key or value outside the limits, a TTL. Throws `RATE_LIMITED` for a
   * new key when the store is full. Reads the state, never changes it.
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
    if (this.#isFull() && "key" in command && command.kind !== "delete")
      this.#checkRoom(keyToString(command.key));
  }

  /**
   * Executes a committed command. What cannot be executed stops the node, with the state
   * unchanged: `InvariantViolation` for an index out of turn, which is our bug; `DATA_CORRUPTION`
   * for bytes that no validated command can have, which disk or network must have altered; and
   * `VERSION_MISMATCH` for a TTL, which only a newer version admits to the log.
   */
  apply(index: LogIndex, bytes: Uint8Array): WriteOutcome {
    this.#checkTurn(index);
    const outcome = this.#plainPut.read(bytes)
      ? applyPlainPut(this.#store, bytes, this.#plainPut)
      : execute(this.#store, decodeOr("DATA_CORRUPTION", bytes, index), index);
    this.#lastApplied = index;
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

  /** The state as it is now, for ever. Costs microseconds; see `OrderedIndex` for what follows. */
  view(): KvView {
    return new KvView(this.#store.snapshot(), this.revision, this.lastApplied);
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
    });
  }

  /** Equal for nodes with an equal `lastApplied` (invariant I12). Reads the whole store. */
  stateHash(): StateHash {
    return stateHash(this.#store.records, this.revision);
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

function execute(store: KvStore, command: WriteCommand, index: LogIndex): WriteOutcome {
  switch (command.kind) {
    case "put":
      if (command.ttlMs !== 0) {
        throw new EngineError(
          "VERSION_MISMATCH",
          `log entry ${index} puts with a TTL, which this version cannot do; upgrade this node`,
        );
      }
      return applyPut(store, command);
    case "delete":
      return applyDelete(store, command);
    case "compareAndSwap":
      return applyCompareAndSwap(store, command);
    default:
      throw new EngineError(
        "VERSION_MISMATCH",
        `log entry ${index} is a ${command.kind}, which this version cannot do; upgrade this node`,
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
