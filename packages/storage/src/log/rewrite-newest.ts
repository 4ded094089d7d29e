import { invariant, type LogIndex } from "@d-engine/core";
import { SECTOR_BYTES } from "../format/log-format.js";
import { dataCorruption, naming } from "../storage-errors.js";
import { BatchAppender } from "./batch-appender.js";
import type { LogContext } from "./log-context.js";
import type { LogMap } from "./log-map.js";
import type { RecoveredState } from "./recover-log.js";

/**
 * Makes the end of a recovered log durable and unambiguous, before anything rests on it.
 *
 * The newest batch may have been read from the page cache and be on no disk: its writer may have
 * been killed between write and sync, or its sync may have failed. So it is written once more, the
 * same bytes in the same place. Then a seal makes it the one before the last, and overwrites the
 * header of what was cut.
 */
export async function rewriteNewest(
  context: LogContext,
  state: RecoveredState,
): Promise<{ readonly map: LogMap; readonly appender: BatchAppender }> {
  const { replay, newest } = state;
  const map = replay.map;
  invariant(map !== undefined, "a recovered log without a segment");
  const segment = map.current;
  const bytes = new Uint8Array(newest.bytes);
  await naming("rewriting", segment.path, async () => {
    const count = await segment.file.read(bytes, 0, bytes.length, newest.offset);
    if (count !== bytes.length) {
      throw dataCorruption(segment.path, newest.offset, `only ${count} bytes can be read again`);
    }
    await segment.file.write(bytes, 0, bytes.length, newest.offset);
  });
  const { hardState } = replay;
  const commitIndex = Math.min(replay.commitIndex, map.last.index) as LogIndex;
  const nextSequence = newest.sequence + 1;
  const position = { nextSequence, hardState, commitIndex, newest: newest.kind };
  const appender = new BatchAppender(context, map, position);
  const wantsSeal = newest.kind !== "roll" && (newest.kind !== "seal" || state.wasCut);
  if (wantsSeal && segment.hasRoomFor(SECTOR_BYTES)) await appender.seal(commitIndex);
  return { map, appender };
}
