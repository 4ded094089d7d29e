import type { Checker } from "./witness.js";

/**
 * I4: what was committed in a term is in the log of every leader of a later term (paper §5.4.3),
 * and a snapshot holds nothing else.
 */
export function leaderCompleteness(): Checker {
  /** For each committed index, its term and the term of whoever committed it first. */
  const committed: { readonly term: number; readonly committedIn: number }[] = [];
  return {
    rule: "I4",
    snapshot(_mirror, { index, term }) {
      const found = committed[index - 1]?.term;
      if (found === term) return undefined;
      return `has a snapshot up to ${index} of term ${term}, committed there is ${found ?? "nothing"}`;
    },
    stepped(mirror, status, before) {
      for (let index = committed.length + 1; index <= status.commitIndex; index += 1) {
        const term = mirror.written.termAt(index);
        if (term === undefined || index <= mirror.written.base.index) {
          return `commits entry ${index}, which it does not hold`;
        }
        committed.push({ term, committedIn: status.term });
      }
      const elected = status.role === "leader" && before?.role !== "leader";
      if (!elected) return undefined;
      for (let index = committed.length; index >= 1; index -= 1) {
        const { term, committedIn } = committed[index - 1]!;
        if (committedIn >= status.term) continue;
        const held = mirror.written.termAt(index);
        if (mirror.written.holds(index, term)) return undefined; // By log matching (I3) all before it agree too.
        const found = held === undefined ? "nothing" : `term ${held}`;
        return `leads term ${status.term} with ${found} at ${index}, committed with term ${term}`;
      }
      return undefined;
    },
  };
}
