import { dataCorruption, naming } from "../storage-errors.js";
import type { LogContext } from "./log-context.js";
import { parseSegmentName, segmentName, spareName } from "./segment-name.js";

/** The files of a log directory, as found at a start. */
export interface LogFiles {
  /** Ordinals of the segments in ascending order, without gaps. */
  readonly segments: readonly number[];
  /** Ordinals of purged files that may be used again, oldest first. */
  readonly spares: readonly number[];
}

/**
 * Looks over a log directory and removes what an interrupted preparation left there. Refuses a
 * directory in which a segment between two others is missing.
 */
export async function findLogFiles(
  context: LogContext,
  onNotice: (notice: string) => void,
): Promise<LogFiles> {
  const { directory, fileSystem } = context;
  const names = await naming("reading", directory, () => fileSystem.readdir(directory));
  const segments: number[] = [];
  const spares: number[] = [];
  for (const name of [...names].sort()) {
    const parsed = parseSegmentName(name);
    if (parsed.kind === "segment") segments.push(parsed.ordinal);
    else if (parsed.kind === "spare") spares.push(parsed.ordinal);
    else if (parsed.kind === "temporary") await remove(context, name);
    else onNotice(`${directory}/${name} is not part of the log; ignored`);
  }
  checkContiguous(directory, segments);
  const usable = await usableSpares(context, spares);
  // Whoever named these files may have been killed before it synced that, and from now on
  // entries go into them.
  await naming("syncing", directory, () => fileSystem.syncDirectory(directory));
  return { segments, spares: usable };
}

function checkContiguous(directory: string, segments: readonly number[]): void {
  for (let i = 1; i < segments.length; i++) {
    const expected = segments[i - 1]! + 1;
    if (segments[i] === expected) continue;
    throw dataCorruption(
      `${directory}/${segmentName(expected)}`,
      0,
      `the file is missing, though segment ${segments[i]} exists`,
    );
  }
}

/** Spares of another size, or too many, are from a run with other settings. */
async function usableSpares(
  context: LogContext,
  spares: readonly number[],
): Promise<readonly number[]> {
  const usable: number[] = [];
  for (const ordinal of spares) {
    const name = spareName(ordinal);
    const path = `${context.directory}/${name}`;
    const status = await naming("reading", path, () => context.fileSystem.stat(path));
    const fits = status?.bytes === context.segmentBytes;
    if (fits && usable.length < context.spareSegmentsMax) usable.push(ordinal);
    else await remove(context, name);
  }
  return usable;
}

async function remove(context: LogContext, name: string): Promise<void> {
  const path = `${context.directory}/${name}`;
  await naming("removing", path, () => context.fileSystem.unlink(path));
}
