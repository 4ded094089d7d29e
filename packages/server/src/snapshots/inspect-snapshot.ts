import { decodeConfigurationRecord, SNAPSHOT_FORMAT, type SnapshotMeta } from "@d-engine/codec";
import {
  assertNever,
  EngineError,
  type MembershipConfiguration,
  type NodeId,
  SNAPSHOT_NAMESPACE,
  type SnapshotRecord,
} from "@d-engine/core";
import { KvSnapshotReader } from "@d-engine/kv";
import { readSystemRecord } from "../system/system-records.js";
import { orCorrupt, readSnapshot, type SnapshotPieces } from "./read-snapshot.js";

/** What `inspectSnapshot` finds in a snapshot. */
export interface SnapshotSummary {
  readonly format: number;
  readonly meta: SnapshotMeta;
  /** Size of the file. */
  readonly bytes: number;
  readonly records: number;
  /** Ascending by the first byte of the keys. */
  readonly namespaces: readonly NamespaceSummary[];
  /** The members; `undefined` when the snapshot names none. */
  readonly configuration: MembershipConfiguration | undefined;
  /** The data directory of each member that has met a leader, by node id. */
  readonly instances: ReadonlyMap<NodeId, string>;
  /** `undefined` for a state machine of another kind. */
  readonly store: StoreSummary | undefined;
}

/** The records whose keys begin with one byte. */
export interface NamespaceSummary {
  readonly namespace: number;
  readonly records: number;
  /** Of their keys and values, without the frames around them. */
  readonly bytes: number;
}

/** The key-value store in a snapshot. */
export interface StoreSummary {
  readonly revision: number;
  /** The oldest revision that can be read. */
  readonly oldestRevision: number;
  readonly keys: number;
  /** Of all keys and values. */
  readonly bytes: number;
  /** Changes of the retained history. */
  readonly events: number;
  /** Those of single puts among them. */
  readonly leases: number;
  /** Client sessions, each of which is one of the leases. */
  readonly sessions: number;
  readonly users: number;
  readonly roles: number;
}

export interface InspectSnapshotOptions {
  /**
   * Whose records the snapshot holds: those of a `custom` state machine are counted, not read.
   * @defaultValue "keyValue"
   */
  readonly stateMachine?: "keyValue" | "custom";
}

/**
 * Reads a whole snapshot and says what it holds, checking all that can be checked without
 * restoring it. In memory there is one piece at a time.
 *
 * Rejects with `DATA_CORRUPTION` for bytes that are no snapshot, `VERSION_MISMATCH` for one that
 * only a newer version can read.
 *
 * @example
 * const { store } = await inspectSnapshot(createReadStream("backup.snapshot"));
 * console.log(`${store?.keys} keys of revision ${store?.revision}`);
 */
export async function inspectSnapshot(
  pieces: SnapshotPieces,
  options: InspectSnapshotOptions = {},
): Promise<SnapshotSummary> {
  const findings = new Findings(options.stateMachine ?? "keyValue");
  let head: { readonly meta: SnapshotMeta; readonly bytes: number } | undefined;
  for await (const part of readSnapshot(pieces)) {
    head = part;
    for (const record of part.records) findings.take(record);
  }
  // Without a head the stream has been refused already.
  const { meta, bytes } = head as NonNullable<typeof head>;
  return { format: SNAPSHOT_FORMAT, meta, bytes, ...findings.end() };
}

class Findings {
  readonly #store: KvSnapshotReader | undefined;
  readonly #namespaces = new Map<number, { records: number; bytes: number }>();
  readonly #instances = new Map<NodeId, string>();
  #configuration: MembershipConfiguration | undefined;
  readonly #found: { -readonly [Name in keyof StoreSummary]: number } = {
    revision: 0,
    oldestRevision: 0,
    keys: 0,
    bytes: 0,
    events: 0,
    leases: 0,
    sessions: 0,
    users: 0,
    roles: 0,
  };
  #records = 0;

  constructor(stateMachine: "keyValue" | "custom") {
    this.#store = stateMachine === "keyValue" ? new KvSnapshotReader() : undefined;
  }

  take(record: SnapshotRecord): void {
    const namespace = record.key[0]!;
    this.#count(namespace, record.key.length + record.value.length);
    if (namespace === SNAPSHOT_NAMESPACE.configuration) this.#takeConfiguration(record);
    else if (namespace === SNAPSHOT_NAMESPACE.system) this.#takeSystem(record);
    else this.#takeStore(record);
  }

  end(): Omit<SnapshotSummary, "format" | "meta" | "bytes"> {
    this.#store?.checkComplete();
    return {
      records: this.#records,
      namespaces: [...this.#namespaces]
        .map(([namespace, counts]) => ({ namespace, ...counts }))
        .sort((a, b) => a.namespace - b.namespace),
      configuration: this.#configuration,
      instances: this.#instances,
      store: this.#store === undefined ? undefined : this.#found,
    };
  }

  #count(namespace: number, bytes: number): void {
    const before = this.#namespaces.get(namespace) ?? { records: 0, bytes: 0 };
    this.#namespaces.set(namespace, {
      records: before.records + 1,
      bytes: before.bytes + bytes,
    });
    this.#records++;
  }

  #takeConfiguration({ value }: SnapshotRecord): void {
    if (this.#configuration !== undefined) {
      throw new EngineError("DATA_CORRUPTION", "the snapshot has two configurations");
    }
    this.#configuration = orCorrupt(() => decodeConfigurationRecord(value));
  }

  #takeSystem(record: SnapshotRecord): void {
    const read = readSystemRecord(record);
    if (read.kind === "instance") this.#instances.set(read.nodeId, read.instanceId);
  }

  #takeStore(record: SnapshotRecord): void {
    const part = this.#store?.read(record);
    const found = this.#found;
    switch (part?.kind) {
      case "state":
        found.revision = part.revision;
        found.oldestRevision = part.oldestRevision;
        break;
      case "record":
        found.keys++;
        found.bytes += part.key.length + part.record.value.length;
        break;
      case "event":
        found.events++;
        break;
      case "leases":
        if (part.part.kind === "lease") found.leases++;
        if (part.part.kind === "session") found.sessions++;
        break;
      case "auth":
        if (part.part.kind === "user") found.users++;
        if (part.part.kind === "role") found.roles++;
        break;
      case "end":
      case undefined:
        break;
      default:
        assertNever(part);
    }
  }
}
