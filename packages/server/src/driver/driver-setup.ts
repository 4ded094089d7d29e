import {
  type Clock,
  type OpenedStorage,
  RaftNode,
  type RaftOptions,
  type Random,
  type RecoveryProgress,
  type StateMachine,
  type Transport,
} from "@d-engine/core";
import type { Logger } from "./logger.js";
import type { DriverOptions } from "./options.js";
import type { Recovered } from "./recovery.js";
import type { StampSource } from "./time/cluster-time.js";

/** What a node runs on. */
export interface DriverSetup<Result> {
  /** Owned by the driver from the call of `start` on, also when that fails. */
  readonly storage: OpenedStorage;
  readonly stateMachine: StateMachine<Result>;
  /** Of a state machine whose commands are stamped with the time of the cluster (rule R15). */
  readonly stamps?: StampSource | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** CRC-32 as zlib has it, as an unsigned number. */
  readonly crc32: (data: Uint8Array) => number;
  readonly raftOptions: RaftOptions;
  readonly options: DriverOptions;
  /**
   * Bytes of the largest command that is taken in: what fits into a segment of the log, and into a
   * request to a follower.
   * @defaultValue no bound
   */
  readonly commandBytesMax?: number | undefined;
  readonly logger?: Logger | undefined;
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined;
  /** Ends a start that is still under way; `start` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The core of a node, as it goes on from what recovery found. */
export function nodeOf<Result>(setup: DriverSetup<Result>, recovered: Recovered): RaftNode {
  const { storage, raftOptions: options, clock, random } = setup;
  return new RaftNode({
    ...recovered,
    id: storage.identity.nodeId,
    joinedAt: storage.identity.joinedAt,
    options,
    nowMs: clock.nowMs(),
    random,
    nonce: Math.floor(random.next() * Number.MAX_SAFE_INTEGER),
  });
}
