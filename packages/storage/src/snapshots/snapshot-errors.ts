import { EngineError, type LogId } from "@d-engine/core";

/** A snapshot file that is not what was written, and what can be done about it. */
export function snapshotCorruption(path: string, what: string): EngineError {
  return new EngineError(
    "DATA_CORRUPTION",
    `${path} is damaged: ${what}; move it away together with its checksum file, and the node ` +
      "starts from an older snapshot if its log reaches back to one; else empty the directory " +
      "and let it rejoin as a learner",
  );
}

/** What came over the network is not what was announced; nothing stored is harmed. */
export function transferCorruption(path: string, what: string): EngineError {
  return new EngineError(
    "DATA_CORRUPTION",
    `${path} was received damaged: ${what}; it was removed, receive it again from the beginning`,
  );
}

export function notRetained({ index, term }: LogId, directory: string): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `${directory} holds no snapshot up to entry ${index} of term ${term}: open a newer one`,
  );
}

export function beyondLabel(bytes: number, labelBytes: number): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `${bytes} bytes received of a snapshot of ${labelBytes}: send it from the beginning`,
  );
}

export function storeClosed(): EngineError {
  return new EngineError("CLOSED", "the snapshot store is closed");
}

export function writerEnded(): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    "this snapshot was committed, given up or suspended: begin it again",
  );
}

export function noRoom(directory: string, cause: unknown): EngineError {
  return new EngineError(
    "DISK_FULL",
    `${directory} has no room for a snapshot, even without the older ones: free some`,
    { cause },
  );
}
