import type { FileHandle, FileSystem } from "../file-system.js";
import { bytesOfHex, hexOf } from "../sha256.js";
import { readSmallFile } from "../small-file.js";

/**
 * How much of a partial snapshot is certain: a line of its length, in sixteen digits, and the
 * SHA-256 of that much. Shorter than a sector and always the same length, it is replaced in place
 * by one durable write. Whoever goes on with the partial file hashes it anew and compares, so a
 * mark that is torn, or ahead of the content, costs a transfer and never a wrong byte.
 */
export interface PartialMark {
  readonly bytes: number;
  readonly checksum: Uint8Array;
}

/** Writes through a handle that was opened as durable. */
export async function writeMark(file: FileHandle, mark: PartialMark): Promise<void> {
  const line = `${String(mark.bytes).padStart(16, "0")} ${hexOf(mark.checksum)}\n`;
  const bytes = new TextEncoder().encode(line);
  await file.write(bytes, 0, bytes.length, 0);
}

/** `undefined` when there is no whole one. */
export async function readMark(
  fileSystem: FileSystem,
  path: string,
): Promise<PartialMark | undefined> {
  if ((await fileSystem.stat(path)) === undefined) return undefined;
  const text = new TextDecoder().decode(await readSmallFile(fileSystem, path, markBytesMax));
  const match = /^(\d{16}) ([0-9a-f]{64})\n$/.exec(text);
  if (match === null) return undefined;
  return { bytes: Number(match[1]), checksum: bytesOfHex(match[2]!) };
}

/** More than a mark has. */
const markBytesMax = 512;
