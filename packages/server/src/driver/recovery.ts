import {
  type Clock,
  EngineError,
  type Entry,
  entryBytes,
  type LogIndex,
  type LogStore,
  type OpenedStorage,
  type RaftNodeSetup,
  type RecoveryProgress,
  type StateMachine,
} from "@d-engine/core";
import { AppliedConfiguration } from "./applied-configuration.js";
import { applyEntry } from "./apply-pipeline.js";
import { removalOf } from "./removal.js";
import { loadNewestSnapshot } from "./snapshots/load-newest-snapshot.js";

export interface RecoverySetup<Result> {
  readonly storage: OpenedStorage;
  readonly stateMachine: StateMachine<Result>;
  readonly clock: Clock;
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined;
  /** Ends a long replay early; the promise rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What recovery contributes to the setup of a node. */
export type Recovered = Pick<
  RaftNodeSetup,
  | "hardState"
  | "base"
  | "last"
  | "termRuns"
  | "tail"
  | "commitIndex"
  | "appliedIndex"
  | "configuration"
> & {
  /** What was applied on top of the newest snapshot, or from the beginning. */
  readonly replayed: { readonly bytes: number; readonly entries: number };
};

/**
 * Loads the newest snapshot, if the state machine does not hold it already, and brings the state
 * machine to the newest commit index that the log knows of, so that the first eventual read is not older than what this node had answered before (rule R8), and reads what
 * lies behind it into memory. The configuration is the one as of what is applied.
 *
 * @throws EngineError `DATA_CORRUPTION` when log and state machine do not fit together,
 *   `VERSION_MISMATCH` for entries that this version cannot execute, `NODE_REMOVED`
 */
export async function recover<Result>(setup: RecoverySetup<Result>): Promise<Recovered> {
  const { storage, stateMachine } = setup;
  const { base, last, hardState, termRuns } = storage.log.recovered;
  const covered = await loadNewestSnapshot(setup);
  const held = stateMachine.lastApplied;
  if (base.index > covered.index || held < covered.index || held > last.index) {
    throw new EngineError(
      "DATA_CORRUPTION",
      `the state machine holds entries up to ${held} and the newest snapshot those up to ` +
        `${covered.index}, but the log retains ${base.index + 1} to ${last.index}: they are not ` +
        "of the same node",
    );
  }
  // What the state machine holds was committed, whether or not the log knew it already.
  const commitIndex = Math.max(storage.log.recovered.commitIndex, held) as LogIndex;
  const applied = new AppliedConfiguration(covered.configuration);
  const replayed = await replay(setup, applied, covered.index, commitIndex);
  const configuration = applied.current;
  const removal = removalOf(storage.identity, configuration);
  if (removal !== undefined) throw removal;
  const tail = await readTail(setup, commitIndex, last.index);
  const appliedIndex = stateMachine.lastApplied;
  const log = { hardState, base, last, termRuns, tail };
  return { ...log, commitIndex, appliedIndex, configuration, replayed };
}

async function replay<Result>(
  setup: RecoverySetup<Result>,
  configuration: AppliedConfiguration,
  base: LogIndex,
  commitIndex: LogIndex,
): Promise<{ bytes: number; entries: number }> {
  const { stateMachine, clock, onProgress } = setup;
  let bytes = 0;
  const total = commitIndex - base;
  let reportedMs = clock.nowMs();
  await forEachChunk(setup, base, commitIndex, (entries) => {
    for (const entry of entries) {
      bytes += entryBytes(entry);
      if (entry.index > stateMachine.lastApplied) applyEntry(stateMachine, configuration, entry);
      else configuration.follow(entry);
    }
    const nowMs = clock.nowMs();
    if (nowMs - reportedMs < progressEveryMs) return;
    reportedMs = nowMs;
    onProgress?.({
      phase: "replay",
      done: stateMachine.lastApplied - base,
      total,
      unit: "entries",
    });
  });
  if (total > 0) onProgress?.({ phase: "replay", done: total, total, unit: "entries" });
  return { bytes, entries: total };
}

async function readTail<Result>(
  setup: RecoverySetup<Result>,
  after: LogIndex,
  last: LogIndex,
): Promise<readonly Entry[]> {
  const tail: Entry[] = [];
  await forEachChunk(setup, after, last, (entries) => {
    for (const entry of entries) tail.push(entry);
  });
  return tail;
}

/** Hands over the entries behind `after` up to `last`, reading the next chunk meanwhile. */
async function forEachChunk<Result>(
  setup: RecoverySetup<Result>,
  after: LogIndex,
  last: LogIndex,
  take: (entries: readonly Entry[]) => void,
): Promise<void> {
  const { storage, signal } = setup;
  let next = readChunk(storage.log, after, last);
  while (next !== undefined) {
    const entries = await next;
    signal?.throwIfAborted();
    const end = entries.at(-1)?.index;
    if (end === undefined) throw new EngineError("DATA_CORRUPTION", noEntries(after, last));
    next = readChunk(storage.log, end, last);
    try {
      take(entries);
    } catch (error) {
      // Nobody waits for the chunk under way any more; its own failure would add nothing.
      next?.catch(() => undefined);
      throw error;
    }
  }
}

function readChunk(
  log: LogStore,
  after: LogIndex,
  last: LogIndex,
): Promise<readonly Entry[]> | undefined {
  if (after >= last) return undefined;
  return log.read((after + 1) as LogIndex, (last + 1) as LogIndex, chunkBytes);
}

function noEntries(after: LogIndex, last: LogIndex): string {
  return `the log promises entries up to ${last} but has none right behind ${after}`;
}

/** Small enough that applying a chunk does not hold the event loop for long. */
const chunkBytes = 1024 * 1024;
const progressEveryMs = 250;
