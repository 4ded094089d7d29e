import { CodecError, SnapshotDecoder, type SnapshotMeta } from "@d-engine/codec";
import { EngineError, type SnapshotRecord } from "@d-engine/core";

/** The bytes of a snapshot file, cut anywhere: `SnapshotFile.pieces`, or a stream of a file. */
export type SnapshotPieces = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** Records that came together, and the head of their file. */
export interface SnapshotPart {
  readonly meta: SnapshotMeta;
  readonly records: readonly SnapshotRecord[];
  /** Bytes of the file up to here. */
  readonly bytes: number;
}

/**
 * Reads a snapshot file in parts, the first of them as soon as the head is known. What a part
 * holds is valid until the next one is asked for. Believe nothing before the end is reached.
 *
 * Rejects with `DATA_CORRUPTION` for bytes that are no snapshot, `VERSION_MISMATCH` for one of a
 * newer version.
 */
export async function* readSnapshot(pieces: SnapshotPieces): AsyncGenerator<SnapshotPart> {
  const decoder = new SnapshotDecoder();
  for await (const piece of pieces) {
    const records = orCorrupt(() => decoder.push(piece));
    const { meta, bytes } = decoder;
    if (meta !== undefined) yield { meta, records, bytes };
  }
  orCorrupt(() => decoder.end());
}

/** Runs `read`; bytes that cannot be read are damage, as they were written by a node. */
export function orCorrupt<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    const message = `the snapshot cannot be read: ${cause.message}`;
    throw new EngineError("DATA_CORRUPTION", message, { cause });
  }
}
