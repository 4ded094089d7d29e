import type { Entry, Payload } from "../entry.js";
import type { LogIndex, NodeId, Term } from "../ids.js";
import { invariant } from "../invariant.js";

interface Noted {
  readonly payload: Payload;
  readonly previousTerm: Term;
}

/**
 * Log matching (I3) in constant time for each appended entry: if every entry of one index and term
 * has one payload and one predecessor wherever it stands, then two logs that agree at a position
 * agree, by induction, on everything before it.
 */
export class EntryRegistry {
  readonly #noted = new Map<LogIndex, Map<Term, Noted>>();

  note(id: NodeId, { index, term, payload }: Entry, previousTerm: Term): void {
    let terms = this.#noted.get(index);
    if (terms === undefined) {
      terms = new Map();
      this.#noted.set(index, terms);
    }
    const known = terms.get(term);
    if (known === undefined) {
      terms.set(term, { payload, previousTerm });
      return;
    }
    invariant(
      known.previousTerm === previousTerm,
      () =>
        `I3: (${term}, ${index}) stands behind term ${previousTerm} on node ${id}, ` +
        `elsewhere behind term ${known.previousTerm}`,
    );
    invariant(
      samePayload(known.payload, payload),
      () => `I3: (${term}, ${index}) on node ${id} is not the entry that it is elsewhere`,
    );
  }
}

function samePayload(a: Payload, b: Payload): boolean {
  if (a === b) return true;
  if (a.kind === "command" && b.kind === "command") {
    const other = b.command;
    return (
      a.command === other ||
      (a.command.length === other.length && a.command.every((byte, at) => byte === other[at]))
    );
  }
  return JSON.stringify(a) === JSON.stringify(b);
}
