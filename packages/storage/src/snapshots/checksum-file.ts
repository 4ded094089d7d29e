import type { LogId } from "@d-engine/core";
import { bytesOfHex, hexOf } from "../sha256.js";
import { readSmallFile, replaceSmallFile } from "../small-file.js";
import type { SnapshotContext } from "./snapshot-context.js";
import { snapshotCorruption } from "./snapshot-errors.js";
import { checksumName, snapshotName } from "./snapshot-name.js";

/** Writes the checksum of a snapshot, durably and in one step; a snapshot follows or does not. */
export async function writeChecksum(
  { directory, fileSystem }: SnapshotContext,
  lastIncluded: LogId,
  checksum: Uint8Array,
): Promise<void> {
  const line = new TextEncoder().encode(lineOf(lastIncluded, checksum));
  await replaceSmallFile(fileSystem, directory, checksumName(lastIncluded), line);
}

/** Reads a checksum. Rejects with `DATA_CORRUPTION` unless the file is byte for byte as written. */
export async function readChecksum(
  { directory, fileSystem }: SnapshotContext,
  lastIncluded: LogId,
): Promise<Uint8Array> {
  const path = `${directory}/${checksumName(lastIncluded)}`;
  const text = new TextDecoder().decode(await readSmallFile(fileSystem, path, lineBytesMax));
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

/** More than the line has. */
const lineBytesMax = 512;
