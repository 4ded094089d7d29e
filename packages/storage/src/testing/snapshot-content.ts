import type { LogId, LogIndex, SnapshotLabel, SnapshotStore, Term } from "@d-engine/core";

export function idAt(index: number, term = 1): LogId {
  return { index: index as LogIndex, term: term as Term };
}

/** Bytes that no other seed below 256 has. */
export function contentOf(seed: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + seed * 17 + (i >> 8)) & 0xff);
}

/** Makes a complete snapshot. */
export async function createSnapshot(
  store: SnapshotStore,
  lastIncluded: LogId,
  content: Uint8Array,
): Promise<SnapshotLabel> {
  const writer = await store.create(lastIncluded);
  await writer.write(content);
  return writer.commit();
}

/** All of it, checksum verified. */
export async function contentIn(store: SnapshotStore, lastIncluded: LogId): Promise<Uint8Array> {
  const file = await store.open(lastIncluded);
  try {
    const content = new Uint8Array(file.label.bytes);
    let at = 0;
    for await (const piece of file.pieces(64 * 1024)) {
      content.set(piece, at);
      at += piece.length;
    }
    return content;
  } finally {
    await file.close();
  }
}
