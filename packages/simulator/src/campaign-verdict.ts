import type { SeedOutcome } from "./campaign.js";
import type { Coverage } from "./cluster/coverage.js";

/** Below this, a rare branch may be missed by chance. */
const coverageSeedsMin = 200;

/** Reached about four times in 200 seeds, so that chance alone would fail one run in fifty. */
const rarest: ReadonlySet<string> = new Set(["snapshot resumed"]);
const rarestSeedsMin = 1000;

/** Names the rare branches that a long enough campaign never reached: it does not test them. */
export function neverReached({ missing }: Coverage, seeds: number): string | undefined {
  if (seeds < coverageSeedsMin) return undefined;
  const due = missing.filter((name) => seeds >= rarestSeedsMin || !rarest.has(name));
  return due.length === 0 ? undefined : `never reached in ${seeds} seeds: ${due.join("; ")}`;
}

/** What differs between two runs of the same seeds, one beside the other. */
export function notTheSame(
  first: readonly Pick<SeedOutcome, "seed" | "eventHash">[],
  again: readonly Pick<SeedOutcome, "seed" | "eventHash">[],
): string | undefined {
  const hashes = new Map(again.map(({ seed, eventHash }) => [seed, eventHash]));
  const other = first.find(({ seed, eventHash }) => hashes.get(seed) !== eventHash);
  if (other === undefined) return undefined;
  const { seed, eventHash } = other;
  return `seed ${seed} is not the same twice: event hash ${eventHash}, then ${hashes.get(seed)}`;
}
