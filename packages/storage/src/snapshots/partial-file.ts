import type { SnapshotLabel } from "@d-engine/core";
import type { FileHandle } from "../file-system.js";
import { type Sha256, sameBytes } from "../sha256.js";
import { readMark } from "./partial-mark.js";
import { readPieces } from "./read-pieces.js";
import { PIECE_BYTES, type SnapshotContext } from "./snapshot-context.js";
import { markName, partialName } from "./snapshot-name.js";

/** The file that a snapshot is received into, opened. */
export interface PartialFile {
  readonly path: string;
  readonly file: FileHandle;
  /** How much of it is certain. */
  readonly bytes: number;
  /** The hash of that much. */
  readonly hash: Sha256;
  readonly markPath: string;
  /** Opened as durable. */
  readonly mark: FileHandle;
}

/** Opens the partial file of a label where an earlier one left it, or makes an empty one. */
export async function openPartial(
  context: SnapshotContext,
  label: SnapshotLabel,
): Promise<PartialFile> {
  const { directory, fileSystem } = context;
  const path = `${directory}/${partialName(label)}`;
  const markPath = `${directory}/${markName(label)}`;
  const resumed = await resume(context, label, path, markPath);
  if (resumed !== undefined) {
    const mark = await opening(resumed.file, () =>
      fileSystem.open(markPath, { access: "readWrite", durable: true }),
    );
    return { ...resumed, path, markPath, mark };
  }
  const file = await fileSystem.open(path, { access: "create", durable: false });
  return opening(file, async () => {
    const mark = await fileSystem.open(markPath, { access: "create", durable: true });
    await opening(mark, () => fileSystem.syncDirectory(directory));
    return { path, file, bytes: 0, hash: context.sha256(), markPath, mark };
  });
}

/** `undefined` when there is nothing that is certain. */
async function resume(
  context: SnapshotContext,
  label: SnapshotLabel,
  path: string,
  markPath: string,
): Promise<Pick<PartialFile, "file" | "bytes" | "hash"> | undefined> {
  const { fileSystem, sha256 } = context;
  if ((await fileSystem.stat(path)) === undefined) return undefined;
  const mark = await readMark(fileSystem, markPath);
  if (mark === undefined || mark.bytes > label.bytes) return undefined;
  const file = await fileSystem.open(path, { access: "readWrite", durable: false });
  return opening(file, async () => {
    const hash = sha256();
    let bytes = 0;
    for await (const piece of readPieces(file, mark.bytes, PIECE_BYTES)) {
      hash.update(piece);
      bytes += piece.length;
    }
    if (bytes === mark.bytes && sameBytes(hash.digest(), mark.checksum)) {
      return { file, bytes, hash };
    }
    await file.close();
    return undefined;
  });
}

/** Closes `file` when what is done with it fails. */
async function opening<T>(file: FileHandle, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
