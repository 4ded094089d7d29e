import type { SessionMark } from "@d-engine/codec";
import { invariant } from "@d-engine/core";
import { BTree } from "../btree.js";
import type { WriteOutcome, WriteRefusal } from "../write-outcome.js";
import { SESSION_BYTES_MAX, SESSION_OUTCOMES_MAX, SESSIONS_BYTES_MAX } from "./bounds.js";
import { comparePlaces, type OutcomePlace, type Session } from "./session.js";
import { outcomeBytes, recallOutcome, type StoredOutcome, storeOutcome } from "./stored-outcome.js";

/** What is to be done with a command that carries a mark. */
export type Admission =
  | { readonly kind: "execute" }
  /** It was executed before: this is what it answered. */
  | { readonly kind: "repeat"; readonly outcome: WriteOutcome }
  | { readonly kind: "refuse"; readonly refusal: WriteRefusal };

/** Sessions as they were once, for ever. */
export interface SessionView {
  /** In the order of their ids. */
  sessions(): Iterable<Session>;
  /** Those of one session, in the order of their sequences. */
  outcomes(session: number): Iterable<readonly [sequence: number, stored: StoredOutcome]>;
}

/**
 * The outcomes of the writes that clients may still send again, so that each is applied once
 * (rule R17). Per session every outcome above the acknowledged watermark is kept, and not just the
 * highest sequence: writes of a session may be applied out of their order.
 *
 * A session begins and ends with its lease, by the same commands. Both trees hold values that are
 * never changed, and share their nodes with their clones: a view costs microseconds.
 */
export class SessionTable {
  readonly #sessions = new BTree<number, Session>(undefined, compareIds);
  readonly #outcomes = new BTree<OutcomePlace, StoredOutcome>(undefined, comparePlaces);
  #bytes = 0;

  get size(): number {
    return this.#sessions.size;
  }

  /** What the outcomes of all sessions count for. */
  get bytes(): number {
    return this.#bytes;
  }

  get(id: number): Session | undefined {
    return this.#sessions.get(id);
  }

  /** Adds the session of a lease that was just granted, or one from a snapshot without outcomes. */
  begin(id: number, acknowledged = 0, owner = ""): void {
    const isNew = this.#sessions.set(id, { id, owner, acknowledged, outcomes: 0, bytes: 0 });
    invariant(isNew, () => `session ${id} began twice`);
  }

  /** Forgets the session of a lease that ends; does nothing if the lease is no session. */
  end(id: number): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#drop(session, Number.MAX_SAFE_INTEGER);
    this.#sessions.delete(id);
  }

  /**
   * Says what is to be done with a command, before anything of it is done, and takes over what its
   * mark acknowledges. `owner`, where users are asked for, is whose session it must be. After
   * `execute`, and nothing else, `record` has to follow.
   *
   * `RATE_LIMITED` comes from here alone, never out of a command, and settles nothing: there is no
   * room to remember it, so another attempt of the same write may still be executed.
   */
  admit(mark: SessionMark, owner?: string): Admission {
    const known = this.#sessions.get(mark.id);
    // Another's results are not to be had, and its sequences not to be used up.
    const isOthers = owner !== undefined && known?.owner !== owner;
    if (known === undefined || isOthers) return refuse("SESSION_EXPIRED", unknownSession(mark.id));
    const session = this.#acknowledge(known, mark.acknowledged);
    if (mark.sequence <= session.acknowledged) {
      return refuse("INVALID_REQUEST", alreadyAcknowledged(mark, session));
    }
    const stored = this.#outcomes.get(placeOf(mark));
    if (stored !== undefined) return { kind: "repeat", outcome: recallOutcome(stored) };
    const full = this.#fullness(session);
    return full === undefined ? { kind: "execute" } : refuse("RATE_LIMITED", full);
  }

  /**
   * Keeps what the command of `mark`, admitted just now, answered: refusals too, so that a
   * repetition never gets another answer. Does nothing if the command ended its own session.
   */
  record(mark: SessionMark, outcome: WriteOutcome): void {
    if (this.#sessions.get(mark.id) === undefined) return;
    this.add(mark.id, mark.sequence, storeOutcome(outcome));
  }

  /** Adds an outcome as it is, as `record` does and restorations do. */
  add(id: number, sequence: number, stored: StoredOutcome): void {
    const session = this.#sessions.get(id);
    invariant(
      session !== undefined && sequence > session.acknowledged,
      () => `an outcome of session ${id} with sequence ${sequence} belongs nowhere`,
    );
    const isNew = this.#outcomes.set({ session: id, sequence }, stored);
    invariant(isNew, () => `write ${sequence} of session ${id} was executed twice`);
    this.#change(session, session.acknowledged, 1, outcomeBytes(stored));
  }

  /** The sessions as they are now, for ever. */
  view(): SessionView {
    const sessions = this.#sessions.clone();
    const outcomes = this.#outcomes.clone();
    return {
      sessions: () => sessions.values(),
      outcomes: (session) => outcomesOf(outcomes, session),
    };
  }

  #acknowledge(session: Session, acknowledged: number): Session {
    if (acknowledged <= session.acknowledged) return session;
    return this.#drop(session, acknowledged);
  }

  /** Drops the outcomes up to `acknowledged`. */
  #drop(session: Session, acknowledged: number): Session {
    const places: OutcomePlace[] = [];
    let bytes = 0;
    for (const [place, stored] of this.#outcomes.entries({ session: session.id, sequence: 0 })) {
      if (place.session !== session.id || place.sequence > acknowledged) break;
      places.push(place);
      bytes += outcomeBytes(stored);
    }
    for (const place of places) this.#outcomes.delete(place);
    return this.#change(session, acknowledged, -places.length, -bytes);
  }

  #change(session: Session, acknowledged: number, outcomes: number, bytes: number): Session {
    this.#bytes += bytes;
    const changed = {
      id: session.id,
      owner: session.owner,
      acknowledged,
      outcomes: session.outcomes + outcomes,
      bytes: session.bytes + bytes,
    };
    this.#sessions.set(session.id, changed);
    return changed;
  }

  /** Why nothing more can be kept for the session; `undefined`: it can. */
  #fullness({ id, outcomes, bytes }: Session): string | undefined {
    const wayOut = "acknowledge some by the next write's mark, or end the session";
    if (outcomes >= SESSION_OUTCOMES_MAX || bytes >= SESSION_BYTES_MAX) {
      return (
        `session ${id} has ${outcomes} results of ${bytes} bytes that are not acknowledged, ` +
        `at most ${SESSION_OUTCOMES_MAX} and ${SESSION_BYTES_MAX} bytes; ${wayOut}`
      );
    }
    if (this.#bytes < SESSIONS_BYTES_MAX) return undefined;
    return (
      `the ${this.size} sessions hold ${this.#bytes} bytes of results that are not acknowledged, ` +
      `at most ${SESSIONS_BYTES_MAX}; ${wayOut}`
    );
  }
}

function* outcomesOf(
  tree: BTree<OutcomePlace, StoredOutcome>,
  session: number,
): Generator<readonly [number, StoredOutcome]> {
  for (const [place, stored] of tree.entries({ session, sequence: 0 })) {
    if (place.session !== session) return;
    yield [place.sequence, stored];
  }
}

function placeOf(mark: SessionMark): OutcomePlace {
  return { session: mark.id, sequence: mark.sequence };
}

function refuse(code: WriteRefusal["code"], message: string): Admission {
  return { kind: "refuse", refusal: { code, message } };
}

function unknownSession(id: number): string {
  return (
    `there is no session ${id}: never begun, or over; whether a write that was sent in it before ` +
    "took effect is not known any more, so read, then begin another session"
  );
}

function alreadyAcknowledged(mark: SessionMark, session: Session): string {
  return (
    `write ${mark.sequence} of session ${mark.id} comes after its result was acknowledged ` +
    `(up to ${session.acknowledged}); give each write a sequence of its own, above that`
  );
}

function compareIds(a: number, b: number): number {
  return a - b;
}
