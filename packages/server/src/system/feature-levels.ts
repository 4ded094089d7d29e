import {
  EngineError,
  isEngineError,
  type MembershipConfiguration,
  type NodeId,
} from "@d-engine/core";
import { FEATURE_LEVEL, type FeatureGate } from "../driver/feature-gate.js";
import type { Logger } from "../driver/logger.js";
import { encodeSystemCommand } from "./system-command.js";

export interface FeatureLevelsSetup {
  readonly self: NodeId;
  /** The replicated record of what all members have announced. */
  readonly recorded: () => number;
  /** The members in effect, committed or not. */
  readonly configuration: () => MembershipConfiguration;
  /** What a peer announced when it was met last; 0 before. */
  readonly announced: (id: NodeId) => number;
  /** Proposes a command; rejects on a node that does not lead. */
  readonly propose: (command: Uint8Array) => Promise<unknown>;
  readonly logger: Logger;
}

/**
 * The gate of rule R14, for the leader. Members say what they know whenever they meet. What all of
 * them have said is written into the log before the first entry that needs it, and holds from then
 * on: a member that is down later, or a leader that has just started and met nobody, stops nothing.
 * A build that knows less stops at that entry, and says why.
 */
export class FeatureLevels implements FeatureGate {
  readonly #setup: FeatureLevelsSetup;
  #recording = 0;

  constructor(setup: FeatureLevelsSetup) {
    this.#setup = setup;
  }

  refusal(level: number): EngineError | undefined {
    const { recorded } = this.#setup;
    if (recorded() >= level) return undefined;
    const refusal = this.#behind(level);
    // Queued before what needs it: so it is in the log before it, or neither is.
    if (refusal === undefined && this.#recording < level) void this.#record(level);
    return refusal;
  }

  #behind(level: number): EngineError | undefined {
    const { self, configuration, announced } = this.#setup;
    const { members, leaving = [] } = configuration();
    const levelOf = (id: NodeId): number => (id === self ? FEATURE_LEVEL : announced(id));
    const behind = [...members, ...leaving].filter(({ id }) => levelOf(id) < level);
    if (behind.length === 0) return undefined;
    const older = behind.filter(({ id }) => levelOf(id) > 0);
    const name = ({ id, address }: { id: NodeId; address: string }) => `node ${id} (${address})`;
    if (older.length > 0) {
      return new EngineError(
        "VERSION_MISMATCH",
        `this needs feature level ${level}, which ${older.map(name).join(", ")} does not know: ` +
          "install the version of the leader there",
      );
    }
    return new EngineError(
      "CLUSTER_UNAVAILABLE",
      `this needs feature level ${level}, and the leader has not met ${behind.map(name).join(", ")} ` +
        'yet, which might not know it: start it, or run "d-engine member remove"',
    );
  }

  async #record(level: number): Promise<void> {
    const { propose, logger } = this.#setup;
    this.#recording = level;
    try {
      await propose(encodeSystemCommand({ kind: "raiseLevel", level }));
      logger.info(`the cluster uses feature level ${level} from now on`);
    } catch (error) {
      // The next command that needs the level brings it up again.
      if (!isEngineError(error)) throw error;
      logger.info(`feature level ${level} not recorded yet: ${error.message}`);
    } finally {
      this.#recording = 0;
    }
  }
}

/** Throws `VERSION_MISMATCH`: a node that does not know what the log may hold must not go on. */
export function checkLevel(level: number): void {
  if (level <= FEATURE_LEVEL) return;
  throw new EngineError(
    "VERSION_MISMATCH",
    `the cluster uses feature level ${level}, and this version knows ${FEATURE_LEVEL}; install a ` +
      "newer version",
  );
}
