/**
 * Logs so short that nodes make a snapshot and purge every few seconds, and that one which was away
 * for some seconds needs a snapshot; a transfer so slow that faults meet it.
 */
export const smallLogArgs: readonly string[] = Object.entries({
  "snapshot-entries": 2_000,
  "snapshot-log-bytes": 256 * 1024,
  "log-tail-bytes": 128 * 1024,
  "log-bytes-max": 4 * 1024 * 1024,
  "segment-bytes": 64 * 1024,
  "value-bytes-max": 16 * 1024,
  "snapshot-bytes-per-second": 2 * 1024 * 1024,
}).flatMap(([name, value]) => [`--${name}`, String(value)]);
