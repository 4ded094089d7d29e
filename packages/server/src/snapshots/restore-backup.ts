import {
  CodecError,
  encodeConfigurationRecord,
  encodeSnapshotMeta,
  encodeSnapshotRecords,
  newerVersion,
} from "@d-engine/codec";
import {
  EngineError,
  LOG_ORIGIN,
  type Member,
  SNAPSHOT_NAMESPACE,
  type SnapshotRecord,
} from "@d-engine/core";
import { KvBackupTransform } from "@d-engine/kv";
import { readSnapshot, type SnapshotPieces } from "./read-snapshot.js";

/** Makes of a state machine's records in a backup those of a new cluster. Reads one backup. */
export interface BackupTransform {
  /** What to take instead of the next record; `undefined` for nothing. */
  next(record: SnapshotRecord): SnapshotRecord | undefined;
  /** Called behind the last one. Throws when some are missing. */
  end(): void;
}

export interface RestoreBackupOptions {
  /** With whom the new cluster starts, one voter at least. The same for every member. */
  readonly members: readonly Member[];
  /** For a state machine of one's own. @defaultValue that of the key-value store */
  readonly stateMachine?: BackupTransform;
}

/**
 * Makes of a backup the snapshot that a new cluster starts with (rule R19). The store's revision is
 * raised by 10^9 and everything older is compacted, so that no revision and no token is ever given
 * out twice; keys that end with a lease are gone, so that no lock returns. The old members and
 * their data directories are forgotten.
 *
 * It keeps the position in the log that the backup was made at, and the new cluster's log begins
 * behind it. So *every* member must start from these bytes, which are the same wherever they are
 * made of the same backup and members: a majority that began empty could elect a leader without
 * the data. The new cluster needs an id of its own, so that it never meets the old one.
 *
 * Rejects with `INVALID_REQUEST` for members that no cluster can have, `DATA_CORRUPTION` and
 * `VERSION_MISMATCH` as reading a snapshot does. Use nothing of what came before a rejection.
 *
 * @example
 * for await (const piece of restoreBackup(backup.pieces(256 * 1024), { members })) {
 *   await writer.write(piece);
 * }
 * await writer.commit();
 */
export async function* restoreBackup(
  pieces: SnapshotPieces,
  options: RestoreBackupOptions,
): AsyncGenerator<Uint8Array> {
  const configuration = configurationRecord(options.members);
  const transform = options.stateMachine ?? new KvBackupTransform();
  let hasBegun = false;
  for await (const { meta, records } of readSnapshot(pieces)) {
    if (!hasBegun) {
      yield encodeSnapshotMeta(meta);
      yield encodeSnapshotRecords([configuration]);
      hasBegun = true;
    }
    const restored = records.flatMap((record) => restoredRecord(record, transform) ?? []);
    if (restored.length > 0) yield encodeSnapshotRecords(restored);
  }
  transform.end();
}

function restoredRecord(
  record: SnapshotRecord,
  transform: BackupTransform,
): SnapshotRecord | undefined {
  const namespace = record.key[0]!;
  if (namespace >= SNAPSHOT_NAMESPACE.stateMachineFrom) return transform.next(record);
  const { configuration, system } = SNAPSHOT_NAMESPACE;
  if (namespace === configuration || namespace === system) return undefined;
  throw newerVersion(`the backup has a record of namespace 0x${namespace.toString(16)}`);
}

/** That of a cluster which has just begun: before the first entry of its log. */
function configurationRecord(given: readonly Member[]): SnapshotRecord {
  if (!given.some(({ status }) => status === "active")) {
    throw new EngineError("INVALID_REQUEST", "a cluster is restored with one voter at least");
  }
  const members = [...given].sort((a, b) => a.id - b.id);
  try {
    return {
      key: Uint8Array.of(SNAPSHOT_NAMESPACE.configuration),
      value: encodeConfigurationRecord({ logId: LOG_ORIGIN, members, outgoingVoters: undefined }),
    };
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    throw new EngineError("INVALID_REQUEST", `bad members: ${cause.message}`, { cause });
  }
}
