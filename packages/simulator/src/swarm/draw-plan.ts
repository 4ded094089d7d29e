import type { CoordinationProfile } from "../coordination/profile.js";
import { Prng } from "../prng.js";
import type {
  BrokenNode,
  Ending,
  Fault,
  FaultKind,
  MemberAction,
  MemberFault,
  Plan,
  SnapshotProfile,
  Workload,
} from "./plan.js";

export interface PlanLimits {
  readonly faultyMs: number;
}

/**
 * Draws a run from a seed: topology, settings, workload, which classes of fault there are, how
 * often each strikes. Whole classes are switched off by the toss of a coin, as bugs hide where
 * everything happens at once (swarm testing).
 */
export function drawPlan(seed: number, limits: PlanLimits = { faultyMs: 10_000 }): Plan {
  const random = new Prng(seed);
  const topology = random.split("topology");
  const voters = topology.pick([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
  const learners = topology.pick([0, 0, 0, 1, 2, 3]);
  const electionTimeoutMs = Math.round(topology.logUniform(200, 1000));
  const faultyMs = limits.faultyMs;
  const raft = {
    electionTimeoutMs,
    heartbeatIntervalMs: Math.floor(electionTimeoutMs / topology.pick([3, 5, 10])),
    appendEntriesMax: topology.pick([1, 3, 16, 4096]),
    inflightMessagesMax: topology.pick([1, 2, 8, 64]),
    logCacheBytes: topology.pick([0, 1024, 16 * 1024, 64 * 1024 * 1024]),
    autoPromote: topology.chance(0.7),
    promotionLagMax: topology.pick([0, 5, 1000]),
  };
  const spares = topology.pick([0, 1, 2, 3]);
  const nodes = voters + learners + spares;
  const network = {
    latencyMs: topology.logUniform(0.1, electionTimeoutMs / 25),
    jitterMs: topology.logUniform(0.05, electionTimeoutMs / 25),
    reorder: topology.chance(0.4),
  };
  const disk = {
    syncMs: topology.logUniform(0.1, electionTimeoutMs / 20),
    segmentBytes: topology.pick([8, 16, 64]) * 1024,
    snapshotsKept: topology.pick([1, 2]),
  };
  const stallChance = topology.chance(0.3) ? topology.logUniform(1e-6, 1e-3) : 0;
  const roundTripMs = 2 * (network.latencyMs + network.jitterMs) + 2 * disk.syncMs;
  const msPerEntry = roundTripMs / (raft.appendEntriesMax * raft.inflightMessagesMax);
  return {
    seed,
    voters,
    learners,
    spares,
    raft,
    network,
    disk,
    snapshots: drawSnapshots(random.split("snapshots"), disk.segmentBytes),
    stallChance,
    workload: drawWorkload(random.split("workload"), electionTimeoutMs, msPerEntry),
    coordination: drawCoordination(random.split("coordination"), msPerEntry),
    faultyMs,
    faults: drawFaults(random.split("faults"), faultyMs, { nodes, electionTimeoutMs }),
    ending: drawEnding(random.split("ending"), voters, learners),
  };
}

/** Made often and sent in small pieces, so that a run has many of them and each has many steps. */
function drawSnapshots(random: Prng, segmentBytes: number): SnapshotProfile {
  return {
    snapshotEntries: Math.round(random.logUniform(20, 300)),
    snapshotLogBytes: random.pick([segmentBytes, 1024 * 1024]),
    logTailBytes: random.pick([0, 0, segmentBytes, 4 * segmentBytes]),
    logBytesMax: random.pick([16 * segmentBytes, 64 * 1024 * 1024]),
    snapshotChunkBytes: random.pick([512, 2048, 16 * 1024]),
    snapshotWindowChunks: random.pick([1, 2, 8]),
    snapshotTransfersMax: random.pick([1, 2]),
    snapshotBytesPerSecond: random.pick([0, 0, 0, 16 * 1024, 64 * 1024]),
  };
}

/**
 * At most half of what the cluster can take, an entry each `msPerEntry`: what piles up under faults
 * must melt away after them, or every call would wait in vain behind those given up before (L2).
 */
function drawWorkload(random: Prng, electionTimeoutMs: number, msPerEntry: number): Workload {
  const some = (chance: number) => (random.chance(chance) ? random.uniform(0.2, 1) : 0);
  const clients = random.between(2, 8);
  return {
    clients,
    routedClients: random.between(1, clients),
    keys: random.pick([1, 2, 5, 20]),
    thinkMs: Math.max(random.logUniform(5, 100), 2 * clients * msPerEntry),
    timeoutMs: Math.round(random.logUniform(0.5, 5) * electionTimeoutMs),
    paddingBytes: random.pick([0, 0, 700, 1500]),
    mix: {
      put: random.uniform(0.2, 1),
      get: random.uniform(0.2, 1),
      cas: some(0.6),
      delete: some(0.4),
    },
    consistency: { linearizable: random.uniform(0.2, 1), lease: some(0.6), eventual: some(0.4) },
  };
}

/** Few: each program has several things under way, and every event goes to several watches. */
function drawCoordination(random: Prng, msPerEntry: number): CoordinationProfile {
  const programs = random.pick([0, 1, 1, 2]);
  return {
    programs,
    watches: random.between(1, 3),
    // A lease that is kept costs an entry each third of its time, and a second has at least one.
    thinkMs: Math.max(random.logUniform(20, 200), 6 * programs * msPerEntry),
    ttlMs: [Math.max(200, 20 * msPerEntry), Math.max(1_500, 60 * msPerEntry)],
    compactChance: random.pick([0, 0.02, 0.1]),
  };
}

/** What a fault may strike, and for how long. */
export interface FaultScope {
  readonly nodes: number;
  readonly electionTimeoutMs: number;
}

function drawFaults(random: Prng, faultyMs: number, scope: FaultScope): Fault[] {
  const faults: Fault[] = [];
  for (const kind of faultKinds) {
    if (!random.chance(ofMembersAndSnapshots.has(kind) ? 0.6 : 0.4)) continue;
    const own = random.split(kind);
    const count = own.between(1, frequency[kind]);
    for (let i = 0; i < count; i += 1) {
      const atMs = Math.round(own.uniform(0, faultyMs));
      faults.push(drawFault(own, kind, atMs, scope));
      // Another before the first has ended.
      if (kind === "members" && own.chance(0.3)) faults.push(drawFault(own, kind, atMs, scope));
    }
  }
  const own = random.split("divergence");
  for (let left = own.pick([0, 0, 1, 3]); left > 0; left -= 1) {
    faults.push(...drawDivergence(own, faultyMs, scope));
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/**
 * Two leaders in a row are cut off, the second soon after it was elected, and the first comes back
 * last: then logs differ not at their ends alone (a conflict in another term).
 */
function drawDivergence(random: Prng, faultyMs: number, scope: FaultScope): Fault[] {
  const { electionTimeoutMs } = scope;
  const leader = { kind: "partition", shape: "isolate", target: 0, side: [] } as const;
  const first = random.uniform(0, faultyMs);
  const second = random.uniform(1.2, 3.5);
  const mended = second + random.uniform(0.5, 3);
  const fault = (afterTimeouts: number, untilTimeouts: number): Fault => ({
    ...leader,
    atMs: Math.round(first + afterTimeouts * electionTimeoutMs),
    durationMs: Math.round((untilTimeouts - afterTimeouts) * electionTimeoutMs),
  });
  return [fault(0, mended + random.uniform(1, 4)), fault(second, mended)];
}

const faultKinds = [
  "crash",
  "crashAll",
  "restart",
  "pause",
  "partition",
  "loss",
  "duplicates",
  "strays",
  "damage",
  "slowLink",
  "clockRate",
  "wallJump",
  "slowDisk",
  "diskFull",
  "diskFailure",
  "bitFlip",
  "members",
  "ambush",
] as const satisfies readonly FaultKind[];

/** What depends on things that are rare by themselves, and so has to be tried more often. */
const ofMembersAndSnapshots: ReadonlySet<FaultKind> = new Set(["members", "ambush", "damage"]);

/** Most faults of a kind in one run. */
const frequency: Readonly<Record<FaultKind, number>> = {
  crash: 12,
  crashAll: 3,
  restart: 5,
  pause: 12,
  partition: 10,
  loss: 4,
  duplicates: 4,
  strays: 4,
  damage: 4,
  slowLink: 6,
  clockRate: 6,
  wallJump: 6,
  slowDisk: 5,
  diskFull: 4,
  diskFailure: 3,
  bitFlip: 2,
  members: 20,
  ambush: 6,
};

/** Draws one fault of a kind. */
export function drawFault(random: Prng, kind: FaultKind, atMs: number, scope: FaultScope): Fault {
  const { nodes, electionTimeoutMs } = scope;
  const someNode = () => random.between(1, nodes);
  const target = random.chance(0.4) ? 0 : someNode();
  const durationMs = Math.round(electionTimeoutMs * random.logUniform(0.1, 12));
  const downMs = random.chance(0.3) ? 0 : durationMs;
  switch (kind) {
    case "crash":
      return { kind, atMs, target, how: random.pick(["process", "power"]), downMs };
    case "restart":
    case "diskFailure":
    case "bitFlip":
      return { kind, atMs, target, downMs };
    case "crashAll":
      return { kind, atMs, how: random.pick(["process", "power"]), downMs };
    case "diskFull":
      return { kind, atMs, target, roomBytes: random.between(0, 64) * 512, durationMs };
    case "pause":
      return { kind, atMs, target, durationMs };
    case "partition": {
      const shape = random.pick(["isolate", "halves", "deaf", "mute", "bridge"] as const);
      const ids = Array.from({ length: nodes }, (_, index) => index + 1);
      const side = random.shuffle(ids).slice(0, random.between(1, Math.max(1, nodes - 1)));
      return { kind, atMs, shape, target, side: side.sort((a, b) => a - b), durationMs };
    }
    case "loss":
    case "duplicates":
    case "strays":
      return { kind, atMs, rate: random.logUniform(0.005, 0.4), durationMs };
    case "damage":
      return { kind, atMs, rate: random.uniform(0.1, 0.8), durationMs };
    case "slowLink":
      return {
        kind,
        atMs,
        from: someNode(),
        to: someNode(),
        factor: random.logUniform(3, 100),
        durationMs,
      };
    case "clockRate":
      return { kind, atMs, target, rate: random.uniform(0.96, 1.04) };
    case "wallJump":
      return {
        kind,
        atMs,
        target,
        byMs: Math.round(random.uniform(-1, 1) * random.logUniform(1, 1e8)),
      };
    case "ambush": {
      // A transfer goes on only while its snapshot is still the one to send.
      const soon = random.chance(0.6) ? 0 : downMs;
      const state = random.pick(["receiving", "receiving", "joint"] as const);
      const how = random.pick(["process", "power", "stop"] as const);
      return { kind, atMs, state, events: random.between(1, 6), how, downMs: soon };
    }
    case "members":
      return { atMs, ...drawChange(random, target) };
    case "slowDisk":
      return { kind, atMs, target, factor: random.logUniform(3, 200), durationMs };
  }
}

function drawChange(random: Prng, target: number): MemberFault {
  return {
    kind: "members",
    action: random.weighted(actionWeights),
    target: random.chance(0.7) ? 0 : target,
    choice: random.between(0, 60),
    status: random.pick(["promotable", "promotable", "readOnly"]),
    version: random.pick(["none", "none", "current", "old"]),
    isImpatient: random.chance(0.2),
    atElection: random.chance(0.2),
    pulls: random.chance(0.3),
  };
}

const actionWeights: Readonly<Record<MemberAction, number>> = {
  join: 4,
  rejoin: 3,
  remove: 3,
  removeLeader: 2,
  batchRemove: 3,
  promote: 2,
  batchPromote: 1,
};

function drawEnding(random: Prng, voters: number, learners: number): Ending {
  if (voters < 3 || random.chance(0.6)) return { kind: "healAll" };
  const minority = Math.ceil(voters / 2) - 1;
  const ids = Array.from({ length: voters + learners }, (_, index) => index + 1);
  const brokenVoters = random.shuffle(ids.slice(0, voters)).slice(0, random.between(1, minority));
  const brokenLearners = ids.slice(voters).filter(() => random.chance(0.3));
  const broken = [...brokenVoters, ...brokenLearners].map(
    (id): BrokenNode => ({ id, how: random.pick(["crashed", "deaf", "mute", "isolated"]) }),
  );
  return { kind: "quorumOnly", broken };
}
