/**
 * What must come about often for a run to prove anything about snapshots, with how the log of a
 * node says that it did.
 */
const signs = {
  made: /^snapshot up to entry \d+: /,
  purges: /^log purged up to /,
  sendings: /^sending the snapshot up to /,
  installed: /^state replaced by the snapshot /,
} as const;

export type SnapshotCounts = Record<keyof typeof signs, number>;

/** Counts what nodes do with snapshots, by what their logs say. */
export class SnapshotTally {
  readonly counts: SnapshotCounts = { made: 0, purges: 0, sendings: 0, installed: 0 };

  heard(message: string): void {
    for (const [name, sign] of Object.entries(signs)) {
      if (sign.test(message)) this.counts[name as keyof SnapshotCounts] += 1;
    }
  }
}
