import { CodecError, decodeConfigurationRecord, SnapshotDecoder } from "@d-engine/codec";
import {
  type Clock,
  EngineError,
  type MembershipConfiguration,
  SNAPSHOT_NAMESPACE,
  type SnapshotFile,
  type SnapshotRecord,
  type StateRestoration,
} from "@d-engine/core";
import { Pacer } from "./pacer.js";

export interface LoadSetup {
  readonly file: SnapshotFile;
  /** Takes the records; without it only the configuration is looked for. */
  readonly restoration: StateRestoration | undefined;
  readonly clock: Clock;
  /** Asked between two slices; throws when the state is not wanted any more. */
  readonly checkWanted: () => void;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Builds the state that a snapshot holds, in slices, and returns its configuration. The whole file
 * is read and checked before anything of it may be used.
 *
 * @throws EngineError `DATA_CORRUPTION`, `VERSION_MISMATCH`, `STORAGE_IO_ERROR`
 */
export async function loadSnapshot(setup: LoadSetup): Promise<MembershipConfiguration> {
  const { file } = setup;
  const where = `snapshot up to entry ${file.label.lastIncluded.index}`;
  try {
    return await load(setup, where);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new EngineError("DATA_CORRUPTION", `${where}: ${error.message}`, { cause: error });
  }
}

async function load(setup: LoadSetup, where: string): Promise<MembershipConfiguration> {
  const { file, restoration, clock, checkWanted, onProgress } = setup;
  const decoder = new SnapshotDecoder();
  const pacer = new Pacer(clock);
  let configuration: MembershipConfiguration | undefined;
  for await (const piece of file.pieces(pieceBytes)) {
    for (const record of decoder.push(piece)) {
      if (isConfiguration(record)) configuration = decodeConfigurationRecord(record.value);
      else restoration?.add(record);
      if (!pacer.spent) continue;
      await pacer.turn();
      checkWanted();
    }
    checkWanted();
    onProgress?.(decoder.bytes);
  }
  const { term, index } = decoder.end().lastIncluded;
  const { lastIncluded } = file.label;
  if (term !== lastIncluded.term || index !== lastIncluded.index) {
    const message = `${where}: its own head says (${term}, ${index})`;
    throw new EngineError("DATA_CORRUPTION", message);
  }
  if (configuration === undefined) {
    throw new EngineError("DATA_CORRUPTION", `${where}: names no members`);
  }
  return configuration;
}

function isConfiguration(record: SnapshotRecord): boolean {
  return record.key[0] === SNAPSHOT_NAMESPACE.configuration;
}

/** Decoding a piece takes well under a millisecond. */
const pieceBytes = 64 * 1024;
