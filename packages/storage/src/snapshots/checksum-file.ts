import type { LogId } from "@d-engine/core";
import type { FileSystem } from "../file-system.js";
import { bytesOfHex, hexOf } from "../sha256.js";
import type { SnapshotContext } from "./snapshot-context.js";
import { snapshotCorruption } from "./snapshot-errors.js";
import { checksumName, snapshotName } from "./snapshot-name.js";

/** Writes the checksum of a snapshot, durably and in one step; a snapshot follows or does not. */
export async function writeChecksum(
  { directory, fileSystem }: SnapshotContext,
  lastIncluded: LogId,
  checksum: Uint8Array,
): Promise<void> {
  const path = `${directory}/${checksumName(lastIncluded)}`;
  const temporary = `${path}.tmp`;
  await writeSmallFile(fileSystem, temporary, lineOf(lastIncluded, checksum));
  await fileSystem.rename(temporary, path);
  await fileSystem.syncDirectory(directory);
}

/** Reads a checksum. Rejects with `DATA_CORRUPTION` unless the file is byte for byte as written. */
export async function readChecksum(
  { directory, fileSystem }: SnapshotContext,
  lastIncluded: LogId,
): Promise<Uint8Array> {
  const path = `${directory}/${checksumName(lastIncluded)}`;
  const text = await readSmallFile(fileSystem, path);
  const match = /^([0-9a-f]{64}) /.exec(text);
  if (match !== null) {
    const checksum = bytesOfHex(match[1]!);
    if (text === lineOf(lastIncluded, checksum)) return checksum;
  }
  throw snapshotCorruption(path, `it is not the SHA-256 of ${snapshotName(lastIncluded)}`);
}

/** What `sha256sum` prints. */
function lineOf(lastIncluded: LogId, checksum: Uint8Array): string {
  return `${hexOf(checksum)}  ${snapshotName(lastIncluded)}\n`;
}

/** Writes a file of a few bytes from its beginning on, and syncs it. */
export async function writeSmallFile(
  fileSystem: FileSystem,
  path: string,
  text: string,
): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  const file = await fileSystem.open(path, { access: "create", durable: false });
  try {
    await file.write(bytes, 0, bytes.length, 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The beginning of a file, more than any small file of ours has. */
export async function readSmallFile(fileSystem: FileSystem, path: string): Promise<string> {
  const bytes = new Uint8Array(smallFileBytes);
  const file = await fileSystem.open(path, { access: "read", durable: false });
  try {
    const count = await file.read(bytes, 0, bytes.length, 0);
    return new TextDecoder().decode(bytes.subarray(0, count));
  } finally {
    await file.close();
  }
}

const smallFileBytes = 512;
