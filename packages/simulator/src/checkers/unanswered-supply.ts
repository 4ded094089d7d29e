import type { Action, KeyHistory, KeyState, UnansweredClass } from "./key-history.js";
import { ABSENT } from "./key-history.js";
import type { SetName } from "./set-name.js";

/**
 * How the search counts unanswered writes. `exact`: each happens once at most. `relaxed`: one
 * whose value no later answer needs may happen again and again, so that its use need not be
 * remembered. What is impossible when relaxed is impossible; what is possible must be looked at
 * for overdrafts.
 */
export type SupplyMode = "exact" | "relaxed";

/** Which unanswered writes have happened so far in the order that the search is building. */
export class UnansweredSupply {
  readonly #classes: readonly UnansweredClass[];
  readonly #mode: SupplyMode;
  readonly #taken: SetName;
  readonly #firstElement: readonly number[];
  readonly #byResult = new Map<KeyState, number[]>();
  readonly #used: number[];
  /** Answers still to come that can only follow this state. */
  readonly #needs: number[];
  /** For each overdrawn use whether it was one, newest last. */
  readonly #overdrafts: boolean[] = [];
  #overdrawn = 0;

  /** Names its part of what was taken by elements of `taken` from `firstElement` on. */
  constructor(history: KeyHistory, mode: SupplyMode, taken: SetName, firstElement: number) {
    this.#classes = history.unanswered;
    this.#mode = mode;
    this.#taken = taken;
    this.#used = history.unanswered.map(() => 0);
    this.#needs = history.values.map(() => 0);
    let next = firstElement;
    this.#firstElement = history.unanswered.map(({ calls }, index) => {
      const { to } = history.unanswered[index]!;
      this.#byResult.set(to, [...(this.#byResult.get(to) ?? []), index]);
      next += calls.length;
      return next - calls.length;
    });
    for (const { action } of history.answered) this.unmet(action);
  }

  /** Whether more happened than was called: then the order found proves nothing. */
  get overdrawn(): boolean {
    return this.#overdrawn > 0;
  }

  /** The classes of which one more may happen now, before the answer at `horizon`. */
  available(horizon: number): Set<number> {
    const open = new Set<number>();
    for (let index = 0; index < this.#classes.length; index += 1) {
      const { calls, to } = this.#classes[index]!;
      const nth = this.#counts(to) ? this.#used[index]! : 0;
      if (nth < calls.length && calls[nth]! <= horizon) open.add(index);
    }
    return open;
  }

  use(index: number, horizon: number): void {
    const { calls, to } = this.#classes[index]!;
    const nth = this.#used[index]!;
    const overdraft = !(nth < calls.length && calls[nth]! <= horizon);
    this.#overdrafts.push(overdraft);
    if (overdraft) this.#overdrawn += 1;
    if (this.#counts(to)) this.#taken.flip(this.#firstElement[index]! + nth);
    this.#used[index] = nth + 1;
  }

  /** Takes back the newest use, which must be of this class. */
  undoUse(index: number): void {
    if (this.#overdrafts.pop() === true) this.#overdrawn -= 1;
    const nth = this.#used[index]! - 1;
    this.#used[index] = nth;
    if (this.#counts(this.#classes[index]!.to)) {
      this.#taken.flip(this.#firstElement[index]! + nth);
    }
  }

  /** An answer got its place in the order. */
  met(action: Action): void {
    const state = neededState(action);
    if (state !== undefined) this.#drop(state);
  }

  /** An answer lost its place in the order again. */
  unmet(action: Action): void {
    const state = neededState(action);
    if (state !== undefined) this.#raise(state);
  }

  #counts(to: KeyState): boolean {
    return this.#mode === "exact" || this.#needs[to]! > 0;
  }

  /** A compare-and-swap whose result is needed makes what it expects needed. */
  #raise(state: KeyState): void {
    const counted = this.#counts(state);
    this.#needs[state]! += 1;
    if (this.#needs[state] !== 1) return;
    for (const index of this.#byResult.get(state) ?? []) {
      if (!counted) this.#flipUses(index);
      const { expect } = this.#classes[index]!;
      if (expect !== undefined) this.#raise(expect);
    }
  }

  #drop(state: KeyState): void {
    this.#needs[state]! -= 1;
    if (this.#needs[state] !== 0) return;
    for (const index of this.#byResult.get(state) ?? []) {
      if (!this.#counts(state)) this.#flipUses(index);
      const { expect } = this.#classes[index]!;
      if (expect !== undefined) this.#drop(expect);
    }
  }

  #flipUses(index: number): void {
    const first = this.#firstElement[index]!;
    const uses = Math.min(this.#used[index]!, this.#classes[index]!.calls.length);
    for (let nth = 0; nth < uses; nth += 1) this.#taken.flip(first + nth);
  }
}

/** The one state that an answer can follow, where there is only one. */
function neededState(action: Action): KeyState | undefined {
  switch (action.kind) {
    case "get":
      return action.value;
    case "casSet":
      return action.expect;
    case "delete":
      return action.existed === false ? ABSENT : undefined;
    case "put":
    case "casRefused":
      return undefined;
  }
}
