import { assertNever } from "@d-engine/core";
import type { Action, AnsweredOperation, KeyHistory, KeyState } from "./key-history.js";
import { ABSENT } from "./key-history.js";
import { SetName } from "./set-name.js";
import type { SupplyMode } from "./unanswered-supply.js";
import { UnansweredSupply } from "./unanswered-supply.js";

/** How far the search came when it came furthest. */
export interface Furthest {
  readonly ordered: number;
  /** The key's value at that point, for people. */
  readonly state: string;
  /** The answered operations that had to come next, and could not. */
  readonly stuck: readonly AnsweredOperation[];
}

export type SearchResult =
  | { readonly kind: "ok"; readonly steps: number }
  | { readonly kind: "impossible"; readonly steps: number; readonly furthest: Furthest }
  | { readonly kind: "undecided"; readonly steps: number; readonly furthest: Furthest };

/**
 * Looks for an order of the operations on one key in which each takes effect between its call and
 * its return and every answer is right: the search of Wing and Gong with Lowe's memory of
 * configurations seen. `stepsMax` bounds the configurations visited.
 *
 * What keeps it fast with many unanswered writes: an answer that is right now and changes nothing
 * may come now; an unanswered write may wait until right before an answer that cannot be explained
 * without it, or never happen; and the first, relaxed search (see `SupplyMode`) remembers only
 * those unanswered writes that still matter. The exact one runs only where that leaves a doubt.
 */
export function searchKeyHistory(history: KeyHistory, stepsMax: number): SearchResult {
  const relaxed = new KeySearch(history, "relaxed");
  const first = relaxed.run(stepsMax);
  if (first.kind !== "ok" || !relaxed.overdrawn) return first;
  const second = new KeySearch(history, "exact").run(stepsMax);
  return { ...second, steps: first.steps + second.steps };
}

/** A point of the search to which it may come back. */
interface Frame {
  /** What may come next: the index of an operation, or `~index` of an unanswered class. */
  readonly choices: readonly number[];
  next: number;
  readonly journalLength: number;
  readonly state: KeyState;
  readonly base: number;
  readonly horizon: number;
}

class KeySearch {
  readonly #history: KeyHistory;
  readonly #operations: readonly AnsweredOperation[];
  /** Writes with a revision, in the order that their revisions demand. */
  readonly #byRevision: readonly number[];
  readonly #supply: UnansweredSupply;
  readonly #taken: SetName;
  readonly #seen = new Set<string>();

  readonly #ordered: Uint8Array;
  /** What was taken so far, in order, for undoing. */
  readonly #journal: number[] = [];
  /** Every operation before this one is ordered. */
  #base = 0;
  #orderedCount = 0;
  #revisionsOrdered = 0;
  #state: KeyState = ABSENT;

  #candidates: number[] = [];
  /** The earliest return among the operations that are not ordered. */
  #horizon = 0;
  #furthest: Furthest = { ordered: -1, state: "", stuck: [] };

  constructor(history: KeyHistory, mode: SupplyMode) {
    this.#history = history;
    const operations = history.answered;
    this.#operations = operations;
    this.#byRevision = operations
      .map((_, index) => index)
      .filter((index) => operations[index]!.rev !== undefined)
      .sort((a, b) => operations[a]!.rev! - operations[b]!.rev!);
    this.#ordered = new Uint8Array(operations.length);
    const calls = history.unanswered.reduce((sum, each) => sum + each.calls.length, 0);
    this.#taken = new SetName(operations.length + calls);
    this.#supply = new UnansweredSupply(history, mode, this.#taken, operations.length);
  }

  get overdrawn(): boolean {
    return this.#supply.overdrawn;
  }

  run(stepsMax: number): SearchResult {
    let steps = 0;
    const frames: Frame[] = [];
    this.#settle();
    while (this.#orderedCount < this.#operations.length) {
      steps += 1;
      if (steps > stepsMax) return { kind: "undecided", steps, furthest: this.#furthest };
      if (this.#isNew()) frames.push(this.#frame());
      const choice = this.#backtrack(frames);
      if (choice === undefined) return { kind: "impossible", steps, furthest: this.#furthest };
      this.#take(choice);
      this.#settle();
    }
    return { kind: "ok", steps };
  }

  /** The next untried choice, with the state put back to where it was open. */
  #backtrack(frames: Frame[]): number | undefined {
    for (;;) {
      const frame = frames.at(-1);
      if (frame === undefined) return undefined;
      this.#undo(frame);
      const choice = frame.choices[frame.next];
      frame.next += 1;
      if (choice !== undefined) return choice;
      frames.pop();
    }
  }

  #isNew(): boolean {
    const name = `${this.#taken.name},${this.#state}`;
    if (this.#seen.has(name)) return false;
    this.#seen.add(name);
    return true;
  }

  #frame(): Frame {
    if (this.#orderedCount > this.#furthest.ordered) {
      this.#furthest = {
        ordered: this.#orderedCount,
        state: this.#history.values[this.#state]!,
        stuck: this.#candidates.map((index) => this.#operations[index]!),
      };
    }
    return {
      choices: this.#choices(),
      next: 0,
      journalLength: this.#journal.length,
      state: this.#state,
      base: this.#base,
      horizon: this.#horizon,
    };
  }

  /**
   * Answered operations that are right now, earliest return first, then the unanswered writes
   * that lead to a state in which one of the others becomes right.
   */
  #choices(): number[] {
    const legal: number[] = [];
    const wanted: Action[] = [];
    for (const index of this.#candidates) {
      const operation = this.#operations[index]!;
      if (operation.rev !== undefined && this.#byRevision[this.#revisionsOrdered] !== index) {
        continue;
      }
      if (isRightIn(operation.action, this.#state)) legal.push(index);
      else wanted.push(operation.action);
    }
    legal.sort((a, b) => this.#operations[a]!.return - this.#operations[b]!.return);
    return [...legal, ...this.#useful(wanted).map((index) => ~index)];
  }

  /**
   * Unanswered writes that can happen now and make one of these actions right, by themselves or
   * as the first link of a chain of unanswered compare-and-swaps.
   */
  #useful(wanted: readonly Action[]): number[] {
    if (wanted.length === 0) return [];
    const open = this.#supply.available(this.#horizon);
    const useful: number[] = [];
    const states = new Set<KeyState>();
    for (let grew = true; grew; ) {
      grew = false;
      for (const index of open) {
        const { expect, to } = this.#history.unanswered[index]!;
        if (!states.has(to) && !wanted.some((action) => isRightIn(action, to))) continue;
        open.delete(index);
        if (expect === undefined || expect === this.#state) useful.push(index);
        else if (!states.has(expect)) {
          states.add(expect);
          grew = true;
        }
      }
    }
    return useful;
  }

  /** Orders whatever is right now and changes nothing, until there is none left. */
  #settle(): void {
    for (let moved = true; moved; ) {
      moved = false;
      this.#scan();
      for (const index of this.#candidates) {
        const action = this.#operations[index]!.action;
        if (!changesNothing(action) || !isRightIn(action, this.#state)) continue;
        this.#take(index);
        moved = true;
      }
    }
  }

  /** Finds the operations that may come next: called before any open one has returned. */
  #scan(): void {
    const operations = this.#operations;
    while (this.#base < operations.length && this.#ordered[this.#base] === 1) this.#base += 1;
    let horizon = Number.POSITIVE_INFINITY;
    const found: number[] = [];
    for (let index = this.#base; index < operations.length; index += 1) {
      const operation = operations[index]!;
      if (operation.call > horizon) break;
      if (this.#ordered[index] === 1) continue;
      found.push(index);
      if (operation.return < horizon) horizon = operation.return;
    }
    this.#candidates = found.filter((index) => operations[index]!.call <= horizon);
    this.#horizon = horizon;
  }

  #take(choice: number): void {
    this.#journal.push(choice);
    if (choice < 0) {
      this.#supply.use(~choice, this.#horizon);
      this.#state = this.#history.unanswered[~choice]!.to;
      return;
    }
    const operation = this.#operations[choice]!;
    this.#taken.flip(choice);
    this.#ordered[choice] = 1;
    this.#orderedCount += 1;
    if (operation.rev !== undefined) this.#revisionsOrdered += 1;
    this.#supply.met(operation.action);
    this.#state = stateAfter(operation.action, this.#state);
  }

  #undo(frame: Frame): void {
    while (this.#journal.length > frame.journalLength) {
      const choice = this.#journal.pop()!;
      if (choice < 0) {
        this.#supply.undoUse(~choice);
        continue;
      }
      const operation = this.#operations[choice]!;
      this.#taken.flip(choice);
      this.#ordered[choice] = 0;
      this.#orderedCount -= 1;
      if (operation.rev !== undefined) this.#revisionsOrdered -= 1;
      this.#supply.unmet(operation.action);
    }
    this.#state = frame.state;
    this.#base = frame.base;
    this.#horizon = frame.horizon;
  }
}

function isRightIn(action: Action, state: KeyState): boolean {
  switch (action.kind) {
    case "put":
      return true;
    case "get":
      return action.value === state;
    case "casSet":
      return action.expect === state;
    case "casRefused":
      return action.expect !== state;
    case "delete":
      return action.existed === undefined || action.existed === (state !== ABSENT);
    default:
      return assertNever(action);
  }
}

function changesNothing(action: Action): boolean {
  if (action.kind === "delete") return action.existed === false;
  return action.kind === "get" || action.kind === "casRefused";
}

function stateAfter(action: Action, state: KeyState): KeyState {
  if (action.kind === "put" || action.kind === "casSet") return action.to;
  return action.kind === "delete" ? ABSENT : state;
}
