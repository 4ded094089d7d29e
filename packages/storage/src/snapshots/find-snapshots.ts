import type { LogId, SnapshotLabel } from "@d-engine/core";
import { naming } from "../storage-errors.js";
import { readChecksum } from "./checksum-file.js";
import { removeFile } from "./snapshot-catalog.js";
import type { SnapshotContext } from "./snapshot-context.js";
import { snapshotCorruption } from "./snapshot-errors.js";
import {
  checksumName,
  markName,
  parseSnapshotName,
  partialName,
  snapshotName,
} from "./snapshot-name.js";

/** The snapshots of a directory, as found at a start. */
export interface FoundSnapshots {
  /** In no particular order. */
  readonly complete: readonly SnapshotLabel[];
  /** The one that was being received, if what came of it is still of use. */
  readonly partial: SnapshotLabel | undefined;
}

/**
 * Looks over the directory and removes what a crash left half written. Contents are not read:
 * whoever uses a snapshot checks it. Throws `DATA_CORRUPTION` for one whose checksum is missing or
 * unreadable; files of others are left alone.
 */
export async function findSnapshots(
  context: SnapshotContext,
  onNotice: (notice: string) => void,
): Promise<FoundSnapshots> {
  const { directory, fileSystem } = context;
  const names = await naming("reading", directory, () => fileSystem.readdir(directory));
  const present = new Set(names);
  const complete: LogId[] = [];
  const partials: SnapshotLabel[] = [];
  const leftovers: string[] = [];
  for (const name of [...names].sort()) {
    const parsed = parseSnapshotName(name);
    switch (parsed.kind) {
      case "snapshot":
        complete.push(parsed.lastIncluded);
        break;
      case "checksum":
        if (!present.has(snapshotName(parsed.lastIncluded))) leftovers.push(name);
        break;
      case "partial":
        partials.push(parsed.label);
        break;
      case "mark":
        if (!present.has(partialName(parsed.label))) leftovers.push(name);
        break;
      case "temporary":
        leftovers.push(name);
        break;
      case "foreign":
        onNotice(`${directory}/${name} is not a snapshot; ignored`);
    }
  }
  const labels: SnapshotLabel[] = [];
  for (const lastIncluded of complete) labels.push(await labelOf(context, lastIncluded, present));
  const newest = Math.max(0, ...complete.map(({ index }) => index));
  const partial = partials.find(({ lastIncluded }) => lastIncluded.index > newest);
  for (const other of partials) {
    if (other !== partial) leftovers.push(partialName(other), markName(other));
  }
  for (const name of leftovers) await removeFile(context, `${directory}/${name}`);
  // Whoever named these files may have been killed before it synced that, and from now on the log
  // may be purged because of them (scenario 58).
  await naming("syncing", directory, () => fileSystem.syncDirectory(directory));
  return { complete: labels, partial };
}

async function labelOf(
  context: SnapshotContext,
  lastIncluded: LogId,
  present: ReadonlySet<string>,
): Promise<SnapshotLabel> {
  const { directory, fileSystem } = context;
  const path = `${directory}/${snapshotName(lastIncluded)}`;
  const checksumFile = checksumName(lastIncluded);
  if (!present.has(checksumFile)) {
    throw snapshotCorruption(path, `its checksum ${checksumFile} is missing`);
  }
  return naming("reading", path, async () => {
    const checksum = await readChecksum(context, lastIncluded);
    const status = await fileSystem.stat(path);
    return { lastIncluded, checksum, bytes: status?.bytes ?? 0 };
  });
}

/** Refuses to make a new data directory around snapshots of another that lost its identity. */
export async function refuseOrphans({ directory, fileSystem }: SnapshotContext): Promise<void> {
  const status = await naming("reading", directory, () => fileSystem.stat(directory));
  if (status === undefined) return;
  const names = await naming("reading", directory, () => fileSystem.readdir(directory));
  const orphan = names.find((name) => parseSnapshotName(name).kind === "snapshot");
  if (orphan === undefined) return;
  const what = "it belongs to a node, but the directory's identity is lost";
  throw snapshotCorruption(`${directory}/${orphan}`, what);
}
