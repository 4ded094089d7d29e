import type {
  Clock,
  OpenedStorage,
  RaftOptions,
  Random,
  RecoveryProgress,
  StateMachine,
  Transport,
} from "@d-engine/core";
import type { Logger } from "./logger.js";
import type { DriverOptions } from "./options.js";

/** What a node runs on. */
export interface DriverSetup<Result> {
  /** Owned by the driver from the call of `start` on, also when that fails. */
  readonly storage: OpenedStorage;
  readonly stateMachine: StateMachine<Result>;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  /** CRC-32 as zlib has it, as an unsigned number. */
  readonly crc32: (data: Uint8Array) => number;
  readonly raftOptions: RaftOptions;
  readonly options: DriverOptions;
  readonly logger?: Logger | undefined;
  readonly onProgress?: ((progress: RecoveryProgress) => void) | undefined;
  /** Ends a start that is still under way; `start` rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}
