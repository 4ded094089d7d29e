import { createHash } from "node:crypto";
import { encodeSnapshotRecords } from "@d-engine/codec";
import { EngineError, SNAPSHOT_NAMESPACE } from "@d-engine/core";

/**
 * A backup is a snapshot file and one more record behind it, whose value is the SHA-256 of all
 * bytes before: it can be checked wherever it is copied to, and is still one
 * `d_engine.common.Snapshot` message.
 *
 * Yields what `pieces` yields, and then that record. Throws `DATA_CORRUPTION` instead when the
 * pieces do not have `checksum` (hexadecimal).
 */
export async function* sealedBackup(
  pieces: AsyncIterable<Uint8Array>,
  checksum: string,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of pieces) {
    hash.update(piece);
    bytes += piece.length;
    yield piece;
  }
  const digest = hash.digest();
  if (digest.toString("hex") !== checksum) {
    throw new EngineError(
      "DATA_CORRUPTION",
      `the ${bytes} bytes of the snapshot have the checksum ${digest.toString("hex")}, ` +
        `not ${checksum}; take another backup, from another node if it happens again`,
    );
  }
  const key = Uint8Array.of(SNAPSHOT_NAMESPACE.backupSeal);
  yield encodeSnapshotRecords([{ key, value: new Uint8Array(digest) }]);
}
