import type { FileSystem } from "./file-system.js";

/**
 * Files of a few bytes that are there as a whole or not at all: an identity, a checksum. Errors are
 * the file system's own; the caller names what it was about.
 */

/**
 * Gives `directory/name` this content, durably: written to `name.tmp`, synced, renamed, directory
 * synced. A crash at any point leaves the old content or the new.
 */
export async function replaceSmallFile(
  fileSystem: FileSystem,
  directory: string,
  name: string,
  bytes: Uint8Array,
): Promise<void> {
  const path = `${directory}/${name}`;
  const temporary = `${path}.tmp`;
  const file = await fileSystem.open(temporary, { access: "create", durable: false });
  try {
    await file.write(bytes, 0, bytes.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(directory);
}

/** The first `bytesMax` bytes of a file. */
export async function readSmallFile(
  fileSystem: FileSystem,
  path: string,
  bytesMax: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(bytesMax);
  const file = await fileSystem.open(path, { access: "read", durable: false });
  try {
    const count = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, count);
  } finally {
    await file.close();
  }
}
