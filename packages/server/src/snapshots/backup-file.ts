import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { encodeSnapshotRecords } from "@d-engine/codec";
import { EngineError, SNAPSHOT_NAMESPACE } from "@d-engine/core";

/** A backup whose bytes are those that were saved. */
export interface BackupFile {
  /** Of the snapshot in it, without the seal behind it. */
  readonly bytes: number;
  /** SHA-256 of the snapshot, 64 hexadecimal digits. */
  readonly checksum: string;
}

const digestBytes = 32;
const seal = encodeSnapshotRecords([
  { key: Uint8Array.of(SNAPSHOT_NAMESPACE.backupSeal), value: new Uint8Array(digestBytes) },
]);
const sealHead = seal.subarray(0, seal.length - digestBytes);

/**
 * Reads a backup through and compares it with the checksum at its end.
 *
 * @throws EngineError `DATA_CORRUPTION` for a file that was changed, cut short or is no backup,
 *   `INVALID_REQUEST` for one that cannot be read; both name it
 */
export async function verifyBackup(path: string): Promise<BackupFile> {
  const { bytes, digest } = await readSeal(path);
  const hash = createHash("sha256");
  for await (const piece of backupPieces(path, bytes)) hash.update(piece);
  const found = hash.digest();
  if (Buffer.compare(found, digest) !== 0) {
    corrupt(
      path,
      `has the checksum ${found.toString("hex")}, not ${Buffer.from(digest).toString("hex")}`,
    );
  }
  return { bytes, checksum: found.toString("hex") };
}

/** The snapshot in a backup that was verified. */
export function backupPieces(path: string, bytes: number): AsyncIterable<Uint8Array> {
  return createReadStream(path, { end: bytes - 1, highWaterMark: pieceBytes });
}

const pieceBytes = 256 * 1024;

async function readSeal(
  path: string,
): Promise<{ readonly bytes: number; readonly digest: Uint8Array }> {
  const file = await open(path).catch((cause: Error) => unreadable(path, cause));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) unreadable(path, new Error("it is no file"));
    const bytes = stats.size - seal.length;
    if (bytes < 1) corrupt(path, `has ${stats.size} bytes, too few for a backup`);
    const end = Buffer.alloc(seal.length);
    await file.read(end, 0, seal.length, bytes);
    if (Buffer.compare(end.subarray(0, sealHead.length), sealHead) !== 0) {
      corrupt(path, "does not end with a checksum: it was cut short, or is no backup");
    }
    return { bytes, digest: end.subarray(sealHead.length) };
  } finally {
    await file.close();
  }
}

function corrupt(path: string, problem: string): never {
  throw new EngineError("DATA_CORRUPTION", `${path} ${problem}; use another backup`);
}

function unreadable(path: string, cause: Error): never {
  throw new EngineError("INVALID_REQUEST", `cannot read ${path}: ${cause.message}`, { cause });
}
