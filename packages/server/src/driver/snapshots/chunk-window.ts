import type { InstallSnapshot } from "@d-engine/core";

/** How many chunks of this message's size the whole snapshot has. */
export function chunkCount(bytes: number, chunkBytes: number): number {
  return Math.ceil(bytes / chunkBytes);
}

/** Whether sizes and numbers of a message fit together, so that positions can be trusted. */
export function isWellFormed(message: InstallSnapshot): boolean {
  const { label, chunkBytes, totalChunks, chunks } = message;
  if (!Number.isSafeInteger(chunkBytes) || chunkBytes < 1) return false;
  if (!Number.isSafeInteger(label.bytes) || label.bytes < 1) return false;
  if (totalChunks !== chunkCount(label.bytes, chunkBytes)) return false;
  if (label.lastIncluded.index < 1) return false;
  let expected = chunks[0]?.sequence ?? 0;
  for (const { sequence, data } of chunks) {
    if (sequence !== expected || !Number.isInteger(sequence) || sequence < 0) return false;
    if (data.length !== Math.min(chunkBytes, label.bytes - sequence * chunkBytes)) return false;
    expected += 1;
  }
  return true;
}

/** Whether two byte arrays hold the same. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
