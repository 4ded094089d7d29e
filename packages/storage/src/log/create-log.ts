import { LOG_ORIGIN, type LogIndex } from "@d-engine/core";
import { dataCorruption, naming } from "../storage-errors.js";
import { BatchAppender } from "./batch-appender.js";
import { drawNonce, type LogContext } from "./log-context.js";
import { findLogFiles } from "./log-files.js";
import { LogMap } from "./log-map.js";
import { PREPARE_NAME, segmentName } from "./segment-name.js";
import { readBuffer, SegmentReader } from "./segment-reader.js";
import { findLaterBatch } from "./segment-scan.js";
import { zeroFill } from "./zero-fill.js";

/**
 * Makes a new, empty log: one segment with its first batch, durable when the promise resolves.
 * May be called again after a crash at any point of it. Refuses with `DATA_CORRUPTION` to replace
 * a log that anything was written to.
 */
export async function createLog(context: LogContext): Promise<void> {
  const { directory, fileSystem, segmentBytes } = context;
  await naming("creating", directory, () => fileSystem.mkdir(directory));
  await refuseUsedLog(context);
  const temporary = `${directory}/${PREPARE_NAME}`;
  const path = `${directory}/${segmentName(1)}`;
  await naming("creating", path, async () => {
    await zeroFill(fileSystem, temporary, segmentBytes, () => false);
    await fileSystem.rename(temporary, path);
    await fileSystem.syncDirectory(directory);
    const file = await fileSystem.open(path, { access: "readWrite", durable: true });
    try {
      const commitIndex = 0 as LogIndex;
      const position = {
        nextSequence: 1,
        hardState: undefined,
        commitIndex,
        newest: "roll",
      } as const;
      const appender = new BatchAppender(context, new LogMap(LOG_ORIGIN), position);
      const held = { ordinal: 1, path, file, bytes: segmentBytes };
      await appender.begin(held, drawNonce(context));
    } finally {
      await file.close();
    }
  });
}

/** An interrupted creation leaves one segment with one batch at most. */
async function refuseUsedLog(context: LogContext): Promise<void> {
  const { directory, fileSystem } = context;
  const { segments, spares } = await findLogFiles(context, () => undefined);
  if (segments.length === 0 && spares.length === 0) return;
  const path = `${directory}/${segmentName(segments[0] ?? spares[0]!)}`;
  if (segments.length > 1 || segments[0] !== 1) throw identityMissing(path, 0);
  const status = await naming("reading", path, () => fileSystem.stat(path));
  const bytes = status?.bytes ?? 0;
  const file = await naming("opening", path, () =>
    fileSystem.open(path, { access: "read", durable: false }),
  );
  try {
    const reader = new SegmentReader(path, file, () => bytes, readBuffer(bytes));
    const wanted = { nonce: undefined, sequence: 1 };
    const used = await findLaterBatch(reader, { from: 0, to: bytes }, wanted, context.crc32);
    if (used !== undefined) throw identityMissing(path, used.offset);
  } finally {
    await file.close();
  }
}

function identityMissing(path: string, offset: number): Error {
  return dataCorruption(path, offset, "it belongs to a log, but the directory's identity is lost");
}
