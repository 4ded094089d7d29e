import { type Clock, EngineError } from "@d-engine/core";

/** Longer than an election takes, even an unlucky one, with the usual timeout of a second. */
const leaderlessMsMax = 5_000;

/**
 * Whether readers who could go elsewhere are better off there: a node that is cut off from its
 * cluster, or was removed from it unawares, has nothing to tell, and would never say so (W3).
 */
export class LeaderNeed {
  readonly #clock: Clock;
  #leaderlessSinceMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** To be called every now and then; what to end readers with, if it is time. */
  review(hasLeader: boolean): EngineError | undefined {
    if (hasLeader) this.#leaderlessSinceMs = undefined;
    else this.#leaderlessSinceMs ??= this.#clock.nowMs();
    return this.refusal;
  }

  get refusal(): EngineError | undefined {
    const sinceMs = this.#leaderlessSinceMs;
    if (sinceMs === undefined) return undefined;
    const forMs = this.#clock.nowMs() - sinceMs;
    if (forMs < leaderlessMsMax) return undefined;
    const known = `this node has known no leader for ${Math.round(forMs / 1_000)} s`;
    return new EngineError("CLUSTER_UNAVAILABLE", `${known} and hears of no changes; ask another`);
  }
}
