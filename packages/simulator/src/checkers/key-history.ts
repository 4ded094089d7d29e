import type { HistoryOperation } from "./history.js";
import { compareInstants } from "./history.js";

/** State of one key as the search knows it: 0 when absent, otherwise a value's number. */
export type KeyState = number;

export const ABSENT: KeyState = 0;
/** Every value that nobody ever read or compared with: indistinguishable, hence one state. */
export const UNSEEN: KeyState = 1;

/** What an operation does to the state, and in which states its answer is right. */
export type Action =
  | { readonly kind: "put"; readonly to: KeyState }
  | { readonly kind: "get"; readonly value: KeyState }
  | { readonly kind: "casSet"; readonly expect: KeyState; readonly to: KeyState }
  | { readonly kind: "casRefused"; readonly expect: KeyState }
  /** `existed` is `undefined` when the answer did not say. */
  | { readonly kind: "delete"; readonly existed: boolean | undefined };

/** An answered operation. Times are ranks: small integers in the order of the instants. */
export interface AnsweredOperation {
  readonly source: HistoryOperation;
  readonly action: Action;
  readonly call: number;
  readonly return: number;
  /** Revision made by this write; `undefined` for reads and where none was recorded. */
  readonly rev: number | undefined;
}

/**
 * Unanswered writes that do the same: whichever was called first stands for all of them, which
 * keeps the search from trying each.
 */
export interface UnansweredClass {
  /** The state it needs; `undefined`: takes effect in any. */
  readonly expect: KeyState | undefined;
  readonly to: KeyState;
  /** When each member was called, ascending ranks. */
  readonly calls: readonly number[];
}

/** All that may have touched one key, prepared for the search. */
export interface KeyHistory {
  readonly key: string;
  /** Ascending by call. */
  readonly answered: readonly AnsweredOperation[];
  readonly unanswered: readonly UnansweredClass[];
  /** The value behind each state, for explanations. */
  readonly values: readonly string[];
}

/** Prepares the operations of one key: refused ones and stale reads are left out. */
export function prepareKeyHistory(
  key: string,
  operations: readonly HistoryOperation[],
): KeyHistory {
  const relevant = operations.filter(
    (operation) => operation.status !== "fail" && !operation.stale,
  );
  const rank = rankInstants(relevant);
  const states = new StateNumbers(relevant);
  const answered: AnsweredOperation[] = [];
  const classes = new Map<
    string,
    { expect: KeyState | undefined; to: KeyState; calls: number[] }
  >();
  for (const source of relevant) {
    const call = rank.get(source.call)!;
    if (source.status === "ok") {
      const action = answeredAction(source, states);
      const writes = action.kind === "put" || action.kind === "casSet" || source.done === true;
      const rev = writes ? source.rev : undefined;
      answered.push({ source, action, call, return: rank.get(source.return!)!, rev });
      continue;
    }
    if (source.op === "get") continue;
    const to = source.op === "delete" ? ABSENT : states.of(source.value);
    const expect = source.op === "cas" ? states.of(source.expect) : undefined;
    const name = `${expect}>${to}`;
    const members = classes.get(name) ?? { expect, to, calls: [] };
    members.calls.push(call);
    classes.set(name, members);
  }
  answered.sort((a, b) => a.call - b.call || a.return - b.return);
  const unanswered = [...classes.values()];
  for (const each of unanswered) each.calls.sort((a, b) => a - b);
  return { key, answered, unanswered, values: states.values };
}

function answeredAction(source: HistoryOperation, states: StateNumbers): Action {
  switch (source.op) {
    case "put":
      return { kind: "put", to: states.of(source.value) };
    case "get":
      return { kind: "get", value: states.of(source.value) };
    case "delete":
      return { kind: "delete", existed: source.done };
    case "cas": {
      const expect = states.of(source.expect);
      if (source.done !== true) return { kind: "casRefused", expect };
      return { kind: "casSet", expect, to: states.of(source.value) };
    }
  }
}

/** Gives states to values; those that no read and no comparison names share `UNSEEN`. */
class StateNumbers {
  readonly values: string[] = ["(absent)", "(a value that nobody read)"];
  readonly #numbers = new Map<string, KeyState>();

  constructor(operations: readonly HistoryOperation[]) {
    for (const { op, value, expect, status } of operations) {
      if (op === "get" && status === "ok" && value !== undefined) this.#add(value);
      if (op === "cas" && expect !== undefined) this.#add(expect);
    }
  }

  of(value: string | undefined): KeyState {
    return value === undefined ? ABSENT : (this.#numbers.get(value) ?? UNSEEN);
  }

  #add(value: string): void {
    if (this.#numbers.has(value)) return;
    this.#numbers.set(value, this.values.length);
    this.values.push(JSON.stringify(value));
  }
}

/** Replaces instants by their place in the order, so that the search compares small integers. */
function rankInstants(
  operations: readonly HistoryOperation[],
): Map<HistoryOperation["call"], number> {
  const instants = operations.flatMap((operation) =>
    operation.return === undefined ? [operation.call] : [operation.call, operation.return],
  );
  instants.sort(compareInstants);
  const ranks = new Map<HistoryOperation["call"], number>();
  let rank = -1;
  let previous: HistoryOperation["call"] | undefined;
  for (const instant of instants) {
    // Loosely equal on purpose: 5 and 5n are one instant, though different keys of the map.
    if (previous === undefined || compareInstants(previous, instant) !== 0) rank += 1;
    previous = instant;
    ranks.set(instant, rank);
  }
  return ranks;
}
