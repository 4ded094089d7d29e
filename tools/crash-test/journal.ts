/** What a write sets its key to; `undefined` removes it. */
export type State = string | undefined;

/** What the caller of a write was told. */
export type Verdict =
  /** It happened. `changed` is false for a delete of nothing. */
  | { readonly kind: "acknowledged"; readonly changed: boolean; readonly revision?: number }
  /** It has no effect: an error said so, or a compare-and-swap that did not match. */
  | { readonly kind: "refused"; readonly reason: string }
  /** It may or may not have happened. */
  | { readonly kind: "unknown"; readonly reason: string };

/** One write. `called` and `returned` are positions in the one order of all events of the run. */
export interface Write {
  readonly key: string;
  readonly operation: "put" | "delete" | "compareAndSwap";
  readonly sets: State;
  readonly called: number;
  readonly returned: number;
  readonly verdict: Verdict;
}

/**
 * What callers of one life of the node did and were told. The store as it was read before that
 * life began is the base that these writes build on.
 */
export class Journal {
  readonly writes: Write[] = [];
  #events = 0;

  /** Takes the next place in the order of events: once before a write is sent, once after. */
  tick(): number {
    this.#events += 1;
    return this.#events;
  }

  record(write: Write): void {
    this.writes.push(write);
  }

  count(kind: Verdict["kind"]): number {
    return this.writes.filter(({ verdict }) => verdict.kind === kind).length;
  }
}

/** The whole store at one revision. */
export interface StoreView {
  readonly revision: number;
  readonly values: ReadonlyMap<string, string>;
}

export const EMPTY_STORE: StoreView = { revision: 0, values: new Map() };
