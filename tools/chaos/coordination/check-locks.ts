import type { HeldLock } from "./sighting.js";

/**
 * Whether a lock was ever two holders' at the same time, by what they could know: each says when it
 * held it for sure at first and at last, on the clock that all processes of this machine share.
 * Tokens must grow in the order of holding, and what was written under one must lie before what was
 * written under the next (R18).
 */
export function checkLocks(held: readonly HeldLock[]): string[] {
  const problems: string[] = [];
  for (const [lock, holds] of grouped(held)) {
    const sorted = [...holds].sort((a, b) => a.token - b.token);
    sorted.forEach((hold, at) => {
      const next = sorted[at + 1];
      if (next === undefined) return;
      const names = `${lock}: ${name(hold)} and ${name(next)}`;
      if (hold.token === next.token) problems.push(`${names} have one token`);
      else if (next.fromNs < hold.untilNs) problems.push(`${names} held it at the same time`);
      const lastWrite = Math.max(0, ...hold.writes);
      const firstWrite = Math.min(Number.POSITIVE_INFINITY, ...next.writes);
      if (lastWrite > firstWrite) {
        problems.push(`${names}: the first wrote at ${lastWrite}, the second at ${firstWrite}`);
      }
    });
  }
  return problems;
}

function name({ who, token, fromNs, untilNs, end }: HeldLock): string {
  const seconds = (ns: number): string => (ns / 1e9).toFixed(3);
  return `${who} (token ${token}, ${seconds(fromNs)} to ${seconds(untilNs)} s, ${end})`;
}

function grouped(held: readonly HeldLock[]): ReadonlyMap<string, readonly HeldLock[]> {
  const groups = new Map<string, HeldLock[]>();
  for (const hold of held) {
    const group = groups.get(hold.lock);
    if (group === undefined) groups.set(hold.lock, [hold]);
    else group.push(hold);
  }
  return groups;
}
