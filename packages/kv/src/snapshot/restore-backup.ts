import { EngineError, type SnapshotRecord } from "@d-engine/core";
import { KV_NAMESPACE } from "./namespaces.js";
import { encodeStoreEnd, encodeStoreState, withoutHistory } from "./store-codec.js";
import { KvSnapshotReader } from "./store-reader.js";

/**
 * By how much a restored backup's revision is ahead of the backup's (rule R19): further than the
 * cluster that was backed up can have come since, so that no revision, and no token made from one,
 * ever means two things.
 */
export const RESTORED_REVISION_GAP = 1_000_000_000;

/**
 * Makes of the store's records in a backup those of the store in a new cluster (rule R19): the
 * revision goes up by `RESTORED_REVISION_GAP`, and everything older is compacted: the events are
 * left out. So are leases, sessions, and keys that end with a lease, so that an expired lock does
 * not return. Users and roles stay: a restored cluster asks for the same passwords.
 *
 * One of these reads one backup. Records of keys pass through as they are.
 */
export class KvBackupTransform {
  readonly #reader = new KvSnapshotReader();
  #keys = 0;

  /**
   * The record to take instead of the next one of the backup; `undefined` for none.
   *
   * @throws EngineError `VERSION_MISMATCH`, `DATA_CORRUPTION` as the restoration of a snapshot does
   */
  next(record: SnapshotRecord): SnapshotRecord | undefined {
    const part = this.#reader.read(record);
    if (part.kind === "state") {
      const revision = raised(part.revision);
      return {
        key: Uint8Array.of(KV_NAMESPACE.state),
        value: encodeStoreState({ revision, ...withoutHistory(revision) }),
      };
    }
    if (part.kind === "end") {
      return { key: Uint8Array.of(KV_NAMESPACE.end), value: encodeStoreEnd(this.#keys) };
    }
    if (part.kind === "auth") return record;
    if (part.kind !== "record" || part.record.lease !== 0) return undefined;
    this.#keys++;
    return record;
  }

  /** @throws EngineError `DATA_CORRUPTION` when the backup was cut short */
  end(): void {
    this.#reader.checkComplete();
  }
}

function raised(revision: number): number {
  const sum = revision + RESTORED_REVISION_GAP;
  if (Number.isSafeInteger(sum)) return sum;
  throw new EngineError(
    "DATA_CORRUPTION",
    `the backup is of revision ${revision}, which cannot be raised by ${RESTORED_REVISION_GAP}`,
  );
}
