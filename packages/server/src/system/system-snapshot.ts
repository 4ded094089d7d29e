import { newerVersion } from "@d-engine/codec";
import {
  EngineError,
  type LogIndex,
  SNAPSHOT_NAMESPACE,
  type SnapshotRecord,
  type StateRestoration,
  type StateSnapshot,
} from "@d-engine/core";
import { checkLevel } from "./feature-levels.js";
import { InstanceRegistry, REMOVALS_MAX } from "./instance-registry.js";
import { readSystemRecord, systemRecords } from "./system-records.js";

/** The system's records, and then those of the inner machine as they are. */
export class SystemSnapshot implements StateSnapshot {
  readonly #inner: StateSnapshot;
  /** Taken at once: one record a member, and a bounded number of removals. */
  readonly #own: SnapshotRecord[];

  constructor(registry: InstanceRegistry, inner: StateSnapshot) {
    this.#own = [...systemRecords(registry)];
    this.#inner = inner;
  }

  get lastApplied(): LogIndex {
    return this.#inner.lastApplied;
  }

  next(bytesMax: number): readonly SnapshotRecord[] {
    if (this.#own.length > 0) return this.#nextOwn(bytesMax);
    const records = this.#inner.next(bytesMax);
    for (const { key } of records) checkInner(key);
    return records;
  }

  release(): void {
    this.#own.length = 0;
    this.#inner.release();
  }

  #nextOwn(bytesMax: number): readonly SnapshotRecord[] {
    let count = 0;
    for (let bytes = 0; count < this.#own.length && (count === 0 || bytes < bytesMax); count++) {
      const { key, value } = this.#own[count]!;
      bytes += key.length + value.length;
    }
    return this.#own.splice(0, count);
  }
}

/** What a user's machine writes must come back to it, and not to the system. */
function checkInner(key: Uint8Array): void {
  const first = SNAPSHOT_NAMESPACE.stateMachineFrom;
  if (key.length > 0 && key[0]! >= first) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `the state machine's snapshot has a key that begins with ${key[0] ?? "nothing"}; its keys ` +
      `must begin with a byte from ${first} to 255`,
  );
}

/** Builds registry and inner state beside those in use. */
export class SystemRestoration implements StateRestoration {
  readonly #inner: StateRestoration;
  readonly #install: (registry: InstanceRegistry) => void;
  readonly #registry = new InstanceRegistry();
  #lastKey: Uint8Array = new Uint8Array(0);
  #isInner = false;

  constructor(inner: StateRestoration, install: (registry: InstanceRegistry) => void) {
    this.#inner = inner;
    this.#install = install;
  }

  add(record: SnapshotRecord): void {
    const namespace = record.key[0] ?? 0;
    if (namespace >= SNAPSHOT_NAMESPACE.stateMachineFrom) {
      this.#isInner = true;
      this.#inner.add(record);
      return;
    }
    if (namespace !== SNAPSHOT_NAMESPACE.system) {
      throw newerVersion(`the snapshot has a record of namespace 0x${namespace.toString(16)}`);
    }
    this.#addOwn(record);
  }

  /** The inner machine may still refuse; the registry is then unchanged too. */
  finish(lastApplied: LogIndex): void {
    this.#inner.finish(lastApplied);
    this.#install(this.#registry);
  }

  #addOwn(record: SnapshotRecord): void {
    const read = readSystemRecord(record);
    if (this.#isInner || !isAfter(record.key, this.#lastKey)) {
      corrupt("are out of order, or one of them comes twice");
    }
    this.#lastKey = new Uint8Array(record.key);
    if (read.kind === "level") {
      checkLevel(read.level);
      this.#registry.raiseLevel(read.level);
      return;
    }
    const { nodeId, instanceId } = read;
    if (read.kind === "instance") {
      this.#registry.restoreInstance(nodeId, instanceId);
      return;
    }
    if (this.#registry.removals.length === REMOVALS_MAX) {
      corrupt(`name more than ${REMOVALS_MAX} removed nodes`);
    }
    this.#registry.remember(nodeId, { instanceId, index: read.index });
  }
}

/** In byte order, for keys of which none begins another. */
function isAfter(key: Uint8Array, before: Uint8Array): boolean {
  const at = key.findIndex((byte, i) => byte !== before[i]);
  return at >= 0 && key[at]! > (before[at] ?? -1);
}

function corrupt(what: string): never {
  throw new EngineError("DATA_CORRUPTION", `the system's records in the snapshot ${what}`);
}
