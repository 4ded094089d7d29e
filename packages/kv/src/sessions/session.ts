/**
 * What is known of a session beside its outcomes. Immutable (rule R16): a change makes another one.
 */
export interface Session {
  /** The session's lease. */
  readonly id: number;
  /** The user that began it; empty: nobody, or the program that a node runs in. */
  readonly owner: string;
  /** The client has the results up to here; they are dropped. */
  readonly acknowledged: number;
  /** Outcomes that are kept, and what they count for in bytes. */
  readonly outcomes: number;
  readonly bytes: number;
}

/** The place of an outcome: ordered by session, then by sequence. */
export interface OutcomePlace {
  readonly session: number;
  readonly sequence: number;
}

export function comparePlaces(a: OutcomePlace, b: OutcomePlace): number {
  return a.session - b.session || a.sequence - b.sequence;
}
