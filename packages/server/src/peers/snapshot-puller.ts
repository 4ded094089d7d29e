import { LEADER_TRAILER, parseLeaderTrailer } from "@d-engine/client";
import {
  type Clock,
  EngineError,
  isEngineError,
  type SnapshotLabel,
  type SnapshotStore,
} from "@d-engine/core";
import { type Crc32, nodeClock } from "@d-engine/storage";
import { type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { Logger } from "../driver/logger.js";
import { Backoff } from "./backoff.js";
import type { PeerIdentity } from "./handshake.js";
import { type PullProgress, pullOnce } from "./snapshot-pull.js";

export interface PullSnapshotOptions {
  /** `host:port` of the leader, or of members that know it: the next after each failure. */
  readonly endpoints: readonly [string, ...string[]];
  /** Of the node that pulls. */
  readonly identity: PeerIdentity;
  readonly snapshots: SnapshotStore;
  readonly crc32: Crc32;
  readonly logger: Logger;
  readonly signal?: AbortSignal | undefined;
  /** @defaultValue that of this process */
  readonly clock?: Clock;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

/** Attempts in a row that bring nothing new. */
const attemptsMax = 8;
const pauseFirstMs = 100;
const pauseMaxMs = 5_000;
const reportEveryMs = 1_000;

/**
 * Pulls the newest snapshot of the leader into the store of a node that has none of its state yet,
 * before it starts: otherwise it would be sent the log from its beginning, or the snapshot later,
 * while it holds up others. Goes on where a broken attempt ended. Resolves to the label of what the
 * store has now; `undefined` when the cluster has no snapshots.
 *
 * @throws EngineError `CLUSTER_UNAVAILABLE` after attempts that brought nothing new,
 *   `INVALID_REQUEST` when the leader refuses this node, `DISK_FULL`, `STORAGE_IO_ERROR`
 */
export async function pullSnapshot(
  options: PullSnapshotOptions,
): Promise<SnapshotLabel | undefined> {
  const { logger, signal, clock = nodeClock, random = Math.random } = options;
  const backoff = new Backoff(pauseFirstMs, pauseMaxMs, random);
  const report = reporter(logger, clock);
  const { endpoints } = options;
  let [endpoint] = endpoints;
  let attempts = 0;
  let furthest = 0;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await pullOnce({
        ...options,
        endpoint,
        onProgress: (progress) => {
          if (progress.bytes > furthest) attempts = 0;
          furthest = Math.max(furthest, progress.bytes);
          report(progress);
        },
      });
    } catch (error) {
      signal?.throwIfAborted();
      const next = judge(error, endpoint);
      if (next.kind === "none") return undefined;
      if (next.kind === "fatal") throw next.error;
      attempts++;
      if (attempts >= attemptsMax) {
        const message = `${next.reason} (${attempts} attempts in a row); see to the leader's log`;
        throw new EngineError("CLUSTER_UNAVAILABLE", message, { cause: error });
      }
      endpoint = next.endpoint ?? endpoints[attempts % endpoints.length] ?? endpoint;
      logger.warn(`pulling a snapshot was interrupted, and goes on: ${next.reason}`);
      await pause(clock, backoff.nextMs(), signal);
    }
  }
}

type Judgement =
  | { readonly kind: "none" }
  | { readonly kind: "fatal"; readonly error: unknown }
  | { readonly kind: "again"; readonly reason: string; readonly endpoint?: string };

/** What an attempt that failed means for the next. */
function judge(error: unknown, endpoint: string): Judgement {
  if (isEngineError(error)) {
    // The bytes were damaged on their way or over there: a new attempt takes them anew.
    if (error.code === "DATA_CORRUPTION") return { kind: "again", reason: error.message };
    return { kind: "fatal", error };
  }
  if (!isServiceError(error)) return { kind: "again", reason: `${endpoint}: ${String(error)}` };
  const reason = `${endpoint}: ${error.details}`;
  switch (error.code) {
    case status.NOT_FOUND:
    case status.UNIMPLEMENTED:
      return { kind: "none" };
    case status.PERMISSION_DENIED:
    case status.INVALID_ARGUMENT:
      return {
        kind: "fatal",
        error: new EngineError("INVALID_REQUEST", reason, { cause: error }),
      };
    case status.FAILED_PRECONDITION: {
      const leader = leaderOf(error.metadata);
      return leader === undefined
        ? { kind: "again", reason }
        : { kind: "again", reason, endpoint: leader };
    }
    default:
      return { kind: "again", reason };
  }
}

function leaderOf(metadata: Metadata): string | undefined {
  const [text] = metadata.get(LEADER_TRAILER);
  const leader = text === undefined ? undefined : parseLeaderTrailer(text.toString());
  return leader === undefined || leader.address === "" ? undefined : leader.address;
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "details" in error && "metadata" in error && "code" in error;
}

function reporter(logger: Logger, clock: Clock): (progress: PullProgress) => void {
  let saidMs = Number.NEGATIVE_INFINITY;
  return ({ label, bytes }) => {
    const done = bytes >= label.bytes;
    if (!done && clock.nowMs() - saidMs < reportEveryMs) return;
    saidMs = clock.nowMs();
    const percent = Math.floor((bytes / label.bytes) * 100);
    const { index } = label.lastIncluded;
    logger.info(`pulled ${percent} % of the snapshot at ${index} (${label.bytes} bytes)`);
  };
}

function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
