import { EngineError, type LogIndex, type NodeIdentity } from "@d-engine/core";
import type { Crc32 } from "../crc32.js";
import type { FileSystem } from "../file-system.js";
import { readSmallFile, replaceSmallFile } from "../small-file.js";
import { dataCorruption, naming } from "../storage-errors.js";

/**
 * `identity.json` says whose data a directory holds, and in which format: a JSON object whose
 * first line is exactly `{"crc32":"xxxxxxxx",`, the CRC-32 (hexadecimal) of all bytes after that
 * line's end. So people and tools can read it, and every byte of it is checked. This stays so in
 * every later format: a file with a right checksum and a higher `format` is from a newer version.
 *
 * Written to `identity.json.tmp`, synced, renamed, directory synced, as the last step of making a
 * data directory: without it the directory counts as never made.
 */
export const IDENTITY_NAME = "identity.json";
export const IDENTITY_TEMPORARY_NAME = "identity.json.tmp";

/** Version of the whole data directory: identity, log and what comes to stand beside them. */
export const DIRECTORY_FORMAT = 1;

/**
 * Reads the identity; `undefined` when the directory has none. Its name is durable afterwards:
 * whoever wrote it may have been killed between rename and sync, and a name that only the page
 * cache knows would take the log's meaning with it when the power goes.
 */
export async function readIdentity(
  fileSystem: FileSystem,
  directory: string,
  crc32: Crc32,
): Promise<NodeIdentity | undefined> {
  const path = `${directory}/${IDENTITY_NAME}`;
  return naming("reading", path, async () => {
    const status = await fileSystem.stat(path);
    if (status === undefined) return undefined;
    await fileSystem.syncDirectory(directory);
    const bytesMax = Math.min(status.bytes, identityBytesMax);
    return parseIdentity(path, await readSmallFile(fileSystem, path, bytesMax), crc32);
  });
}

/** Writes the identity durably. */
export async function writeIdentity(
  fileSystem: FileSystem,
  directory: string,
  identity: NodeIdentity,
  crc32: Crc32,
): Promise<void> {
  const path = `${directory}/${IDENTITY_NAME}`;
  const bytes = formatIdentity(identity, crc32);
  await naming("writing", path, () => {
    return replaceSmallFile(fileSystem, directory, IDENTITY_NAME, bytes);
  });
}

/** The bytes of `identity.json`. */
export function formatIdentity(
  identity: NodeIdentity,
  crc32: Crc32,
  format: number = DIRECTORY_FORMAT,
): Uint8Array {
  const fields = JSON.stringify({ format, ...identity }, undefined, 2);
  const rest = new TextEncoder().encode(`${fields.slice("{\n".length)}\n`);
  const head = new TextEncoder().encode(`{"crc32":"${hexadecimal(crc32(rest))}",\n`);
  const bytes = new Uint8Array(head.length + rest.length);
  bytes.set(head);
  bytes.set(rest, head.length);
  return bytes;
}

function parseIdentity(path: string, bytes: Uint8Array, crc32: Crc32): NodeIdentity {
  const text = new TextDecoder().decode(bytes);
  const head = /^\{"crc32":"([0-9a-f]{8})",\n/.exec(text);
  if (head === null) throw dataCorruption(path, 0, "its first line is not a checksum");
  const rest = bytes.subarray(head[0].length);
  if (hexadecimal(crc32(rest)) !== head[1]) {
    throw dataCorruption(path, 0, "its checksum does not match");
  }
  const fields = JSON.parse(text) as StoredIdentity;
  if (fields.format > DIRECTORY_FORMAT) {
    throw new EngineError(
      "VERSION_MISMATCH",
      `${path} has format ${fields.format}, this version reads up to ${DIRECTORY_FORMAT}: ` +
        "start a newer d-engine on it; the data is unharmed",
    );
  }
  const { nodeId, clusterId, instanceId, bootstrap } = fields;
  // Missing where a directory was made before nodes could be added: a member from the beginning.
  const joinedAt = fields.joinedAt ?? (0 as LogIndex);
  return { nodeId, clusterId, instanceId, bootstrap: withOutgoing(bootstrap), joinedAt };
}

/** What the file says. */
type StoredIdentity = Omit<NodeIdentity, "joinedAt"> & {
  readonly format: number;
  readonly joinedAt?: LogIndex;
};

/** JSON leaves out what is `undefined`. */
function withOutgoing(bootstrap: NodeIdentity["bootstrap"]): NodeIdentity["bootstrap"] {
  return { ...bootstrap, outgoingVoters: bootstrap.outgoingVoters ?? undefined };
}

function hexadecimal(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}

/** Thousands of members; more is not an identity. */
const identityBytesMax = 1024 * 1024;
