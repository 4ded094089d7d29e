import { EngineError } from "@d-engine/core";

/**
 * What one node admits to the log. Looked at when a command is validated, never when it is
 * applied: nodes may be configured differently, but must apply alike.
 */
export interface KvLimits {
  /**
   * Longest key, in bytes, 1 to 65,536. The shortest is 1 byte.
   * @defaultValue 4096
   */
  readonly keyBytesMax: number;
  /**
   * Longest value, in bytes, 0 to 2^30. It holds for the expected value of a compare-and-swap too.
   * @defaultValue 1048576 (1 MiB)
   */
  readonly valueBytesMax: number;
  /**
   * Keys at which new ones are refused with `RATE_LIMITED` until others are deleted, 1 to 2^23.
   * Half of what the runtime's map can hold: commands validated and not yet applied never fill it.
   * @defaultValue 8388608
   */
  readonly keysMax: number;
  /**
   * Operations of one transaction, in both branches and in inner transactions; as many compares
   * besides. 1 to 10,000.
   * @defaultValue 128
   */
  readonly txnOperationsMax: number;
  /**
   * Leases at which new ones are refused with `RATE_LIMITED`, 1 to 2^23. Puts with a time to live
   * of their own do not count.
   * @defaultValue 1000000
   */
  readonly leasesMax: number;
  /**
   * Events of the history at which the oldest quarter is compacted, 1 to 10,000,000. Of the leader
   * this decides what all nodes keep: compaction is a command of the log.
   * @defaultValue 100000
   */
  readonly historyEventsMax: number;
  /**
   * Bytes that the history holds in memory at which it is compacted likewise, 1,024 to 2^36. The
   * events of the newest revision are kept whatever their size.
   * @defaultValue 67108864 (64 MiB)
   */
  readonly historyBytesMax: number;
}

export const KV_LIMITS_DEFAULTS: KvLimits = Object.freeze({
  keyBytesMax: 4096,
  valueBytesMax: 1_048_576,
  keysMax: 8_388_608,
  txnOperationsMax: 128,
  leasesMax: 1_000_000,
  historyEventsMax: 100_000,
  historyBytesMax: 67_108_864,
});

/** What each limit may be; all are integers. */
export const KV_LIMIT_BOUNDS: {
  readonly [Field in keyof KvLimits]: readonly [min: number, max: number];
} = {
  keyBytesMax: [1, 65_536],
  valueBytesMax: [0, 2 ** 30],
  keysMax: [1, 2 ** 23],
  txnOperationsMax: [1, 10_000],
  leasesMax: [1, 2 ** 23],
  historyEventsMax: [1, 10_000_000],
  historyBytesMax: [1024, 2 ** 36],
};

/** The given limits over the defaults, frozen. One `INVALID_REQUEST` names every bad field. */
export function resolveKvLimits(given: Partial<KvLimits> = {}): KvLimits {
  const limits = { ...KV_LIMITS_DEFAULTS };
  const problems: string[] = [];
  for (const field of Object.keys(KV_LIMIT_BOUNDS) as (keyof KvLimits)[]) {
    const [min, max] = KV_LIMIT_BOUNDS[field];
    const value = given[field] ?? limits[field];
    if (Number.isInteger(value) && value >= min && value <= max) limits[field] = value;
    else problems.push(`${field} must be an integer from ${min} to ${max}, got ${value}`);
  }
  for (const field of Object.keys(given)) {
    if (!(field in KV_LIMIT_BOUNDS)) problems.push(`${field} is not a limit`);
  }
  if (problems.length > 0) {
    throw new EngineError("INVALID_REQUEST", `invalid key-value limits: ${problems.join("; ")}`);
  }
  return Object.freeze(limits);
}
