import {
  type Clock,
  EngineError,
  type LogIndex,
  type MembershipConfiguration,
  type OpenedStorage,
  type RecoveryProgress,
  type SnapshotFile,
  type StateMachine,
} from "@d-engine/core";
import { loadSnapshot } from "./state-loader.js";

export interface LoadNewestSetup {
  readonly storage: OpenedStorage;
  readonly stateMachine: StateMachine<unknown>;
  readonly clock: Clock;
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** From where on the log has to be replayed, and the members as of there. */
export interface CoveredBySnapshot {
  readonly index: LogIndex;
  readonly configuration: MembershipConfiguration;
}

/**
 * Loads the newest snapshot into the state machine. One that keeps its own state and is ahead of
 * the snapshot needs only the configuration from it.
 *
 * @throws EngineError `INVALID_REQUEST` when the state machine cannot load a snapshot that it
 *   needs, `DATA_CORRUPTION`, `VERSION_MISMATCH`, `STORAGE_IO_ERROR`
 */
export async function loadNewestSnapshot(setup: LoadNewestSetup): Promise<CoveredBySnapshot> {
  const { storage, stateMachine } = setup;
  const label = storage.snapshots?.newest;
  if (storage.snapshots === undefined || label === undefined) {
    return { index: 0 as LogIndex, configuration: storage.identity.bootstrap };
  }
  const { index } = label.lastIncluded;
  const isNeeded = stateMachine.lastApplied < index;
  if (isNeeded && stateMachine.restore === undefined) {
    throw new EngineError(
      "INVALID_REQUEST",
      `the storage holds a snapshot up to entry ${index}, but the state machine has no restore() ` +
        "to load it: give it one, or start the node anew in an empty directory",
    );
  }
  const file = await storage.snapshots.open(label.lastIncluded);
  try {
    return { index, configuration: await load(setup, file, isNeeded) };
  } finally {
    await file.close();
  }
}

async function load(
  setup: LoadNewestSetup,
  file: SnapshotFile,
  isNeeded: boolean,
): Promise<MembershipConfiguration> {
  const { stateMachine, clock, onProgress, signal } = setup;
  const { lastIncluded, bytes: total } = file.label;
  const restoration = isNeeded ? stateMachine.restore?.() : undefined;
  let reportedMs = clock.nowMs();
  const configuration = await loadSnapshot({
    file,
    restoration,
    clock,
    checkWanted: () => signal?.throwIfAborted(),
    onProgress: (done) => {
      const nowMs = clock.nowMs();
      if (nowMs - reportedMs < progressEveryMs && done < total) return;
      reportedMs = nowMs;
      onProgress?.({ phase: "snapshot", done, total, unit: "bytes" });
    },
  });
  if (restoration !== undefined) {
    restoration.finish(lastIncluded.index);
    stateMachine.configured?.(configuration);
  }
  return configuration;
}

const progressEveryMs = 250;
