import type { EngineError } from "@d-engine/core";

/**
 * What a build may find in the log, and so what all members must know before one of them proposes
 * it (rule R14). 1: the three writes of the contract, without a time to live. 2: the commands of
 * `d_engine.kv.v1`, times to live, sessions, and stamps. 3: users and roles, and who writes.
 */
export const KV_COMMANDS_LEVEL = 2;
export const AUTH_LEVEL = 3;

/** The level of this build. */
export const FEATURE_LEVEL = 3;

/** Knows what the other members know. */
export interface FeatureGate {
  /**
   * Why the leader must not propose what needs this level; `undefined` when it may, which the
   * cluster then remembers.
   */
  refusal(level: number): EngineError | undefined;
}

/** Where all nodes are of one build: a node alone in its process, or a simulated cluster. */
export const openGate: FeatureGate = { refusal: () => undefined };
