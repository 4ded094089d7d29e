import type { ChangeSource, LeaderInfo } from "@d-engine/client";
import { EngineError } from "@d-engine/core";

/** Bounds of `waitReady`. */
export interface WaitReadyOptions {
  /**
   * Milliseconds to wait at most.
   * @defaultValue 30000
   */
  readonly timeoutMs?: number;
  /** Aborting rejects with `signal.reason`. */
  readonly signal?: AbortSignal;
}

/** Resolves as soon as `source` knows a leader; rejects when time, signal or engine end first. */
export async function waitReady(
  source: ChangeSource<LeaderInfo | undefined>,
  failure: () => Error | undefined,
  options: WaitReadyOptions,
): Promise<LeaderInfo> {
  const { signal, timeoutMs = waitReadyTimeoutMs } = options;
  signal?.throwIfAborted();
  let cleanUp: (() => void) | undefined;
  const ready = new Promise<LeaderInfo>((resolve, reject) => {
    const check = (): void => {
      if (source.current !== undefined) resolve(source.current);
      else if (source.ended) reject(engineEnded(failure()));
    };
    const unsubscribe = source.subscribe(check);
    // Not unreferenced: it keeps the process alive while it waits, which nothing else may do.
    const timer = setTimeout(() => reject(noLeader(timeoutMs)), timeoutMs);
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    cleanUp = () => {
      unsubscribe();
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    };
    check();
  });
  try {
    return await ready;
  } finally {
    cleanUp?.();
  }
}

const waitReadyTimeoutMs = 30_000;

function noLeader(timeoutMs: number): EngineError {
  const message = `no leader was elected within ${timeoutMs} ms; are enough voters running?`;
  return new EngineError("CLUSTER_UNAVAILABLE", message);
}

function engineEnded(failure: Error | undefined): EngineError {
  if (failure === undefined) return new EngineError("CLOSED", "the engine closed while waiting");
  return new EngineError("CLOSED", `the engine stopped while waiting: ${failure.message}`, {
    cause: failure,
  });
}
