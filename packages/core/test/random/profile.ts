import { type RaftOptions, resolveRaftOptions } from "@d-engine/core";
import type { Arranged } from "../support/driven-node.js";
import type { Prng } from "./prng.js";

/** What one seed's world is like. Whole classes of faults are off in some seeds. */
export interface Profile {
  readonly cluster: Arranged;
  /** Every node, members and those that may become one. */
  readonly nodeIds: readonly number[];
  /** Election timeouts that a node may be started with. */
  readonly electionTimeoutsMs: readonly number[];
  readonly tickMs: number;
  readonly clockDriftMax: number;
  readonly tuning: Partial<RaftOptions>;
  readonly delayMs: readonly [min: number, max: number];
  readonly lossChance: number;
  readonly duplicateChance: number;
  /** Share of messages that are held up for up to some election timeouts. */
  readonly lateChance: number;
  readonly syncMs: readonly [min: number, max: number];
  readonly slowSyncChance: number;
  readonly readFailureChance: number;
  /** Mean pauses between what happens in the cluster; Infinity for never. */
  readonly everyMs: {
    readonly crash: number;
    readonly partition: number;
    readonly pause: number;
    readonly transfer: number;
    readonly propose: number;
    readonly read: number;
    readonly unreachable: number;
    readonly clockJump: number;
    readonly snapshot: number;
    readonly membership: number;
  };
}

const never = Number.POSITIVE_INFINITY;

export function drawProfile(prng: Prng): Profile {
  const sometimes = <T>(chance: number, value: T, otherwise: T): T =>
    prng.chance(chance) ? value : otherwise;
  const base = prng.pick([100, 200, 300]);
  const cluster = drawCluster(prng);
  const electionTimeoutsMs = sometimes(0.5, [base, base * 2, base / 2], [base]);
  const heartbeatIntervalMs = Math.min(...electionTimeoutsMs) / prng.pick([3, 8]);
  return {
    cluster,
    nodeIds: nodeIdsOf(cluster, prng.pick([0, 1, 2, 3])),
    electionTimeoutsMs,
    tickMs: heartbeatIntervalMs / 2,
    clockDriftMax: sometimes(0.5, 0.2, 0),
    tuning: {
      heartbeatIntervalMs,
      appendEntriesMax: prng.pick([1, 3, 100]),
      appendBytesMax: prng.pick([1024, 1024 * 1024]),
      inflightMessagesMax: prng.pick([1, 2, 64]),
      uncommittedBytesMax: sometimes(0.2, 1024, 1024 * 1024),
      pendingReadsMax: sometimes(0.2, 3, 1000),
      logCacheBytes: prng.pick([0, 200, 1024 * 1024]),
      autoPromote: prng.chance(0.6),
      promotionLagMax: prng.pick([0, 5, 1000]),
    },
    delayMs: prng.pick([
      [0, 1],
      [0, 1],
      [1, 5],
      [0, base / 3],
    ]),
    lossChance: prng.pick([0, 0.01, 0.1, 0.3]),
    duplicateChance: prng.pick([0, 0.02, 0.2]),
    lateChance: prng.pick([0, 0.01, 0.05]),
    syncMs: prng.pick([
      [0, 1],
      [0, 1],
      [1, base / 5],
      [0, base],
    ]),
    slowSyncChance: prng.pick([0, 0, 0.02]),
    readFailureChance: prng.pick([0, 0.2]),
    everyMs: {
      crash: prng.pick([never, base * 8, base * 2]),
      partition: prng.pick([never, base * 6, base * 2]),
      pause: prng.pick([never, base * 8]),
      transfer: prng.pick([never, base * 2]),
      propose: base * prng.pick([10, 3, 1, 0.3, 0.1]),
      read: base / prng.pick([1, 5]),
      unreachable: prng.pick([never, base]),
      clockJump: prng.pick([never, base * 5]),
      snapshot: prng.pick([never, base * 3, base, base / 3]),
      membership: prng.pick([never, base * 8, base * 3, base]),
    },
  };
}

function drawCluster(prng: Prng): Arranged {
  const voters = Array.from({ length: prng.pick([1, 2, 3, 3, 3, 4, 5, 5]) }, (_, at) => at + 1);
  if (prng.chance(0.15)) {
    const outgoing = prng.pick([[1, 2, 3], [1, 4, 5], [4, 5, 6], [1]]);
    return { voters, outgoing };
  }
  return prng.chance(0.2) ? { voters, learners: [8, 9] } : { voters };
}

function nodeIdsOf(cluster: Arranged, spares: number): readonly number[] {
  const { voters = [], outgoing = [], learners = [] } = cluster;
  const joining = [10, 11, 12].slice(0, spares);
  return [...new Set([...voters, ...outgoing, ...learners, ...joining])].sort((a, b) => a - b);
}

export function optionsOf(profile: Profile, electionTimeoutMs: number): RaftOptions {
  const { tuning, clockDriftMax } = profile;
  return resolveRaftOptions({ ...tuning, clockDriftMax, electionTimeoutMs });
}
