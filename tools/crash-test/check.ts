import type { Journal, State, StoreView, Write } from "./journal.js";

/**
 * Compares the store after a restart with the store before the life that was killed and what
 * callers were told in between. Returns one line for each promise that was broken.
 *
 * Values are never used twice, so each state of a key names the write that made it. A state is
 * allowed when some order of the writes, one that respects who returned before whom was called,
 * ends with it:
 *
 * - the base, if no change of the key was acknowledged;
 * - what an acknowledged write set, if no acknowledged change was called after it returned;
 * - what a write of unknown outcome set.
 *
 * The revision grows by one with each change, which finds what values cannot show: a lost write
 * that was overwritten anyway, and a write that happened twice.
 */
export function findViolations(base: StoreView, journal: Journal, after: StoreView): string[] {
  const writesOf = groupByKey(journal.writes);
  const keys = new Set([...base.values.keys(), ...after.values.keys(), ...writesOf.keys()]);
  const violations = [...keys].flatMap((key) => {
    const problem = checkKey(base.values.get(key), writesOf.get(key) ?? [], after.values.get(key));
    return problem === undefined ? [] : [`key ${shorten(key)}: ${problem}`];
  });
  return [...violations, ...checkRevision(base, journal.writes, after)];
}

function groupByKey(writes: readonly Write[]): Map<string, Write[]> {
  const groups = new Map<string, Write[]>();
  for (const write of writes) {
    const group = groups.get(write.key);
    if (group === undefined) groups.set(write.key, [write]);
    else group.push(write);
  }
  return groups;
}

function checkKey(base: State, writes: readonly Write[], found: State): string | undefined {
  const changes = writes.filter(
    ({ verdict }) => verdict.kind === "acknowledged" && verdict.changed,
  );
  const possible = writes.some(({ sets, verdict }) => verdict.kind === "unknown" && sets === found);
  if (possible) return undefined;
  const last = changes.reduce((latest, { called }) => Math.max(latest, called), 0);
  const makers = changes.filter(({ sets }) => sets === found);
  // A key may be removed more than once; any remover that none followed for sure will do.
  if (makers.some(({ returned }) => returned > last)) return undefined;
  if (found === base && changes.length === 0) return undefined;
  const newest = changes.find(({ called }) => called === last);
  if (makers.length > 0 || found === base) {
    return `holds ${show(found)}, but ${describe(newest!)} was acknowledged after that`;
  }
  const refused = writes.find(
    ({ sets, verdict }) => verdict.kind === "refused" && sets === found && found !== undefined,
  );
  if (refused !== undefined) return `holds ${show(found)} of ${describe(refused)}, refused`;
  if (found === undefined) return `is missing; ${describe(newest)} was the last acknowledged`;
  return `holds ${show(found)}, which nobody wrote in this life`;
}

function checkRevision(base: StoreView, writes: readonly Write[], after: StoreView): string[] {
  let atLeast = base.revision;
  let told = base.revision;
  let unknown = 0;
  for (const { verdict } of writes) {
    if (verdict.kind === "unknown") unknown += 1;
    if (verdict.kind !== "acknowledged" || !verdict.changed) continue;
    atLeast += 1;
    told = Math.max(told, verdict.revision ?? 0);
  }
  const violations: string[] = [];
  const { revision } = after;
  if (revision < told) violations.push(`revision ${revision}: callers were told of ${told}`);
  if (revision < atLeast) {
    violations.push(`revision ${revision}: ${atLeast} with all acknowledged changes`);
  }
  if (revision > atLeast + unknown) {
    violations.push(
      `revision ${revision}: at most ${atLeast + unknown}, if every unknown write happened once`,
    );
  }
  return violations;
}

function describe(write: Write | undefined): string {
  if (write === undefined) return "no write";
  return `${write.operation} ${show(write.sets)} (events ${write.called} to ${write.returned})`;
}

function show(state: State): string {
  return state === undefined ? "nothing" : `"${shorten(state)}"`;
}

function shorten(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}… (${text.length} characters)`;
}
