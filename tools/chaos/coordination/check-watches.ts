import type { SeenEvent, WatchBegan, WatchEnded, WatchedBatch } from "./sighting.js";

interface Told {
  readonly afterRevision: number;
  untilRevision: number;
  readonly revisions: Map<number, string>;
}

const problemsMax = 20;

/**
 * Whether all watches, on whatever node and over whatever broke, told one and the same story: each
 * revision whole and once, in order, and none left out between its beginning and its end that
 * another has seen (W1-W5, W9).
 */
export class WatchChecker {
  readonly #problems: string[] = [];
  readonly #watches = new Map<string, Told>();
  /** What a revision consists of, as whoever saw it first has told. */
  readonly #story = new Map<number, { readonly events: string; readonly watch: string }>();
  #events = 0;

  /** Events that were handed out, over all watches. */
  get events(): number {
    return this.#events;
  }

  get watches(): number {
    return this.#watches.size;
  }

  began({ watch, afterRevision }: WatchBegan): void {
    if (this.#watches.has(watch)) this.#found(`watch ${watch} began twice`);
    const revisions = new Map<number, string>();
    this.#watches.set(watch, { afterRevision, untilRevision: afterRevision, revisions });
  }

  batch({ watch, revision, events }: WatchedBatch): void {
    const told = this.#of(watch);
    if (told === undefined) return;
    for (const [at, group] of byRevision(events)) {
      this.#events += group.length;
      if (at <= told.untilRevision) {
        const before = told.revisions.has(at) ? "again, or a second part of it," : "late,";
        this.#found(`watch ${watch} told revision ${at} ${before} after ${told.untilRevision}`);
      }
      told.untilRevision = Math.max(told.untilRevision, at);
      this.#compare(watch, at, group);
      told.revisions.set(at, watch);
    }
    if (revision < told.untilRevision) {
      this.#found(`watch ${watch} named ${revision} for what goes up to ${told.untilRevision}`);
    }
    told.untilRevision = Math.max(told.untilRevision, revision);
  }

  ended({ watch, untilRevision }: WatchEnded): void {
    const told = this.#of(watch);
    if (told === undefined) return;
    if (untilRevision < told.untilRevision) {
      this.#found(`watch ${watch} ends at ${untilRevision}, and told of ${told.untilRevision}`);
    }
    told.untilRevision = Math.max(told.untilRevision, untilRevision);
  }

  /** To be called when all have ended. */
  verdict(): string[] {
    const revisions = [...this.#story.keys()].sort((a, b) => a - b);
    for (const [watch, told] of this.#watches) {
      const missing = revisions.filter(
        (at) => at > told.afterRevision && at <= told.untilRevision && !told.revisions.has(at),
      );
      if (missing.length === 0) continue;
      const first = missing[0]!;
      const by = this.#story.get(first)?.watch;
      const range = `it told all from ${told.afterRevision + 1} to ${told.untilRevision}`;
      const what = `${missing.length} revisions, the first ${first}, which ${by} saw`;
      this.#found(`watch ${watch} left out ${what}; ${range}`);
    }
    return this.#problems;
  }

  #compare(watch: string, revision: number, group: readonly SeenEvent[]): void {
    const events = JSON.stringify(group.map(({ kind, key, value }) => [kind, key, value]));
    const known = this.#story.get(revision);
    if (known === undefined) this.#story.set(revision, { events, watch });
    else if (known.events !== events) {
      const what = `${watch} saw ${events}, ${known.watch} saw ${known.events}`;
      this.#found(`revision ${revision} has two contents: ${what}`);
    }
  }

  #of(watch: string): Told | undefined {
    const told = this.#watches.get(watch);
    if (told === undefined) this.#found(`watch ${watch} told something before it began`);
    return told;
  }

  #found(problem: string): void {
    if (this.#problems.length < problemsMax) this.#problems.push(problem);
  }
}

function byRevision(events: readonly SeenEvent[]): readonly (readonly [number, SeenEvent[]])[] {
  const groups: [number, SeenEvent[]][] = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last?.[0] === event.revision) last[1].push(event);
    else groups.push([event.revision, [event]]);
  }
  return groups;
}
