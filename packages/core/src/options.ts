import { EngineError } from "./errors.js";

/** Settings of one Raft node. Times in milliseconds, sizes in bytes. */
export interface RaftOptions {
  /**
   * Silence after which a follower campaigns; each wait is drawn from [x, 2x). At least three
   * times `heartbeatIntervalMs`. Too low: needless elections; too high: slow failover.
   */
  readonly electionTimeoutMs: number;
  /** Pause between two rounds of heartbeats. */
  readonly heartbeatIntervalMs: number;
  /**
   * How long a confirmed round lets the leader answer lease reads, counted from when the round
   * was sent. Below `electionTimeoutMs` less the drift bound.
   */
  readonly leaseDurationMs: number;
  /** How far the clocks of two members may drift apart, as a share of elapsed time, below 0.5. */
  readonly clockDriftMax: number;
  /** Most entries in one append request. */
  readonly appendEntriesMax: number;
  /** Most bytes of entries in one append request; a single larger entry still travels alone. */
  readonly appendBytesMax: number;
  /** Most unanswered append requests with entries per peer. */
  readonly inflightMessagesMax: number;
  /** Most unanswered bytes of entries per peer. */
  readonly inflightBytesMax: number;
  /** A leader with more uncommitted bytes than this refuses proposals with `RATE_LIMITED`. */
  readonly uncommittedBytesMax: number;
  /** Most reads that wait for a round, own and forwarded; more are refused `RATE_LIMITED`. */
  readonly pendingReadsMax: number;
  /** Applied, durable entries beyond this are dropped from memory and read back when needed. */
  readonly logCacheBytes: number;
  /** Whether a leader promotes learners that have caught up, to an odd number of voters (R12). */
  readonly autoPromote: boolean;
  /** A learner that lacks more entries than this counts as not caught up. */
  readonly promotionLagMax: number;
}

export const RAFT_DEFAULTS: RaftOptions = Object.freeze({
  electionTimeoutMs: 1000,
  heartbeatIntervalMs: 100,
  leaseDurationMs: 800,
  clockDriftMax: 0.1,
  appendEntriesMax: 4096,
  appendBytesMax: 1024 * 1024,
  inflightMessagesMax: 64,
  inflightBytesMax: 16 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  pendingReadsMax: 10_000,
  logCacheBytes: 64 * 1024 * 1024,
  autoPromote: true,
  promotionLagMax: 1000,
});

/** Partial settings; a member given as `undefined` counts as absent. */
export type RaftOptionsInput = { readonly [K in keyof RaftOptions]?: RaftOptions[K] | undefined };

/** What a number may be. */
export type NumberBound = readonly [min: number, max: number, integer: boolean];

/** What each setting in numbers may be. */
export const RAFT_BOUNDS: Readonly<Record<Exclude<keyof RaftOptions, "autoPromote">, NumberBound>> =
  {
    electionTimeoutMs: [10, 600_000, false],
    heartbeatIntervalMs: [1, 60_000, false],
    leaseDurationMs: [0, 600_000, false],
    clockDriftMax: [0, 0.49, false],
    appendEntriesMax: [1, 1_000_000, true],
    appendBytesMax: [1024, 3 * 1024 * 1024, true],
    inflightMessagesMax: [1, 10_000, true],
    inflightBytesMax: [1024, 1024 * 1024 * 1024, true],
    uncommittedBytesMax: [1024, 4 * 1024 * 1024 * 1024, true],
    pendingReadsMax: [1, 10_000_000, true],
    logCacheBytes: [0, 16 * 1024 * 1024 * 1024, true],
    promotionLagMax: [0, 1_000_000_000, true],
  };

/**
 * Fills in defaults and checks every field and the relations between them. A lease duration that
 * is not given follows the election timeout.
 *
 * @throws EngineError `INVALID_REQUEST`, naming every bad field at once
 */
export function resolveRaftOptions(input: RaftOptionsInput = {}): RaftOptions {
  const given = Object.fromEntries(Object.entries(input).filter(([, v]) => v !== undefined));
  const merged = { ...RAFT_DEFAULTS, ...given } as RaftOptions;
  const options: RaftOptions =
    input.leaseDurationMs === undefined
      ? { ...merged, leaseDurationMs: Math.floor((leaseLimitOf(merged) * 8) / 9) }
      : merged;
  const problems = [
    ...fieldProblems(options),
    ...raftConflicts(options).map(({ problem }) => problem),
  ];
  if (problems.length > 0) {
    throw new EngineError("INVALID_REQUEST", `bad raft options: ${problems.join("; ")}`);
  }
  return Object.freeze(options);
}

function fieldProblems(options: RaftOptions): string[] {
  const problems: string[] = [];
  for (const name of Object.keys(options)) {
    if (name !== "autoPromote" && !(name in RAFT_BOUNDS)) problems.push(`${name} is not an option`);
  }
  if (typeof options.autoPromote !== "boolean") {
    problems.push(`autoPromote must be true or false, got ${String(options.autoPromote)}`);
  }
  for (const [name, [min, max, integer]] of Object.entries(RAFT_BOUNDS)) {
    const value: unknown = options[name as keyof RaftOptions];
    const fits = typeof value === "number" && value >= min && value <= max;
    if (!fits || (integer && !Number.isInteger(value))) {
      const kind = integer ? "an integer" : "a number";
      problems.push(`${name} must be ${kind} from ${min} to ${max}, got ${String(value)}`);
    }
  }
  return problems;
}

/** Settings, each fine by itself, that do not fit together. */
export interface SettingConflict {
  /** Their names. */
  readonly settings: readonly string[];
  /** What must hold between them, with their values. */
  readonly problem: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Whether settings that are each within their bounds fit together. */
export function raftConflicts(options: RaftOptions): SettingConflict[] {
  const { electionTimeoutMs, heartbeatIntervalMs, leaseDurationMs } = options;
  const conflicts: SettingConflict[] = [];
  if (electionTimeoutMs < 3 * heartbeatIntervalMs) {
    conflicts.push({
      settings: ["electionTimeoutMs", "heartbeatIntervalMs"],
      problem:
        `electionTimeoutMs (${electionTimeoutMs}) must be at least three times ` +
        `heartbeatIntervalMs (${heartbeatIntervalMs})`,
      fix: `raise electionTimeoutMs to ${3 * heartbeatIntervalMs}, or lower heartbeatIntervalMs`,
    });
  }
  const leaseLimit = leaseLimitOf(options);
  if (leaseDurationMs >= leaseLimit) {
    conflicts.push({
      settings: ["leaseDurationMs", "electionTimeoutMs", "clockDriftMax"],
      problem:
        `leaseDurationMs (${leaseDurationMs}) must be below electionTimeoutMs x ` +
        `(1 - clockDriftMax) = ${leaseLimit}`,
      fix: "leave leaseDurationMs out, and it follows, or lower it",
    });
  }
  return conflicts;
}

/** A lease that lasts this long could outlive the promise of a voter whose clock is fast. */
function leaseLimitOf(options: RaftOptions): number {
  return options.electionTimeoutMs * (1 - options.clockDriftMax);
}
