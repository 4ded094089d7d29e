import type { FileSystem } from "../file-system.js";

/**
 * Writes a file of `bytes` zeros and syncs it. Synced piece by piece: one sync of a whole segment
 * would hold up the log's own small writes on the same disk for as long as it takes.
 *
 * Answers `false`, with a partial file left behind, when `isCanceled` became true meanwhile.
 */
export async function zeroFill(
  fileSystem: FileSystem,
  path: string,
  bytes: number,
  isCanceled: () => boolean,
): Promise<boolean> {
  const file = await fileSystem.open(path, { access: "create", durable: false });
  try {
    const zeros = new Uint8Array(Math.min(pieceBytes, bytes));
    for (let position = 0; position < bytes; position += zeros.length) {
      if (isCanceled()) return false;
      await file.write(zeros, 0, Math.min(zeros.length, bytes - position), position);
      await file.sync();
    }
    return true;
  } finally {
    await file.close();
  }
}

const pieceBytes = 1024 * 1024;
