import { EngineError } from "@d-engine/core";

/** Longer than an election takes, even an unlucky one, with the usual timeout of a second. */
const silentMsMax = 5_000;

/**
 * Whether readers who could go elsewhere are better off there: a node that is cut off from its
 * cluster, or was removed from it unawares, has nothing to tell, and would never say so (W3).
 */
export class LeaderNeed {
  #silentMs = 0;

  /** To be called every now and then; what to end readers with, if it is time. */
  review(silentMs: number): EngineError | undefined {
    this.#silentMs = silentMs;
    return this.refusal;
  }

  get refusal(): EngineError | undefined {
    if (this.#silentMs < silentMsMax) return undefined;
    const heard = `this node has heard no leader for ${Math.round(this.#silentMs / 1_000)} s`;
    return new EngineError("CLUSTER_UNAVAILABLE", `${heard} and tells of no changes; ask another`);
  }
}
