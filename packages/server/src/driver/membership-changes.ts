import {
  EngineError,
  type Entry,
  type InputEvent,
  type LogIndex,
  type MembershipChange,
  type MembershipConfiguration,
  type RequestId,
  type Term,
} from "@d-engine/core";
import type { CancelSignal } from "./cancel-signal.js";
import { expireWaiters, Gauge, Waiter } from "./waiter.js";

export interface MembershipRequest {
  readonly requestId: RequestId;
  readonly change: MembershipChange;
  /** Refused when the members are of another version; `undefined` takes any. */
  readonly version: LogIndex | undefined;
  readonly deadlineMs: number;
  readonly signal: CancelSignal | undefined;
}

interface Proposed {
  readonly waiter: Waiter<MembershipConfiguration>;
  readonly term: Term;
  readonly index: LogIndex;
  /** The entry is applied; the leave of the joint configuration that it made is not. */
  joint: boolean;
}

/**
 * Changes of the members that callers wait for: until their entry is applied, and for a joint one
 * until its leave is, as only then the change is done. The core lets through one at a time, so
 * only those that a lost leader left behind ever gather, until their deadlines.
 */
export class MembershipChanges {
  readonly gauge = new Gauge();
  readonly #asked = new Map<RequestId, Waiter<MembershipConfiguration>>();
  #proposed: Proposed[] = [];

  /** Asks the core; resolves with the configuration that the change made. */
  start(
    request: MembershipRequest,
    post: (event: InputEvent) => void,
  ): Promise<MembershipConfiguration> {
    const { requestId, change, version, deadlineMs, signal } = request;
    const waiter = new Waiter<MembershipConfiguration>(this.gauge, 0, deadlineMs, asIs, signal);
    this.#asked.set(requestId, waiter);
    post({ kind: "changeMembership", requestId, change, version });
    return waiter.promise as Promise<MembershipConfiguration>;
  }

  /** False when `requestId` is not a change of the members. */
  proposed(requestId: RequestId, term: Term, index: LogIndex): boolean {
    const waiter = this.#asked.get(requestId);
    if (waiter === undefined) return false;
    this.#asked.delete(requestId);
    this.#proposed.push({ waiter, term, index, joint: false });
    return true;
  }

  /** False when `requestId` is not a change of the members. */
  refused(requestId: RequestId, error: Error): boolean {
    const waiter = this.#asked.get(requestId);
    this.#asked.delete(requestId);
    waiter?.fail(error);
    return waiter !== undefined;
  }

  /** Called for every applied entry in log order, with the configuration as of it. */
  applied(entry: Entry, configuration: MembershipConfiguration): void {
    if (this.#proposed.length === 0) return;
    this.#proposed = this.#proposed.filter((proposed) => {
      const { waiter, index, term } = proposed;
      if (proposed.joint || (entry.index === index && entry.term === term)) {
        proposed.joint = configuration.outgoingVoters !== undefined;
        if (!proposed.joint) waiter.complete(configuration);
        return proposed.joint;
      }
      // A later leader committed an entry at or before ours, or any leader's entry stands in our
      // place, which may be of an older term too (figure 8): ours never can commit (paper §5.3).
      if (entry.term <= term && entry.index < index) return true;
      waiter.fail(overwritten(proposed, entry));
      return false;
    });
  }

  /** A snapshot replaced the log up to `index`: what came of a change in it cannot be told. */
  skipped(index: LogIndex): void {
    const error = new EngineError(
      "OUTCOME_UNKNOWN",
      `a snapshot up to entry ${index} replaced the log that held this change of the members`,
    );
    this.#proposed = this.#proposed.filter(({ waiter, index: at, joint }) => {
      if (at > index && !joint) return true;
      waiter.fail(error);
      return false;
    });
  }

  /** Ends what is due or was given up. The core answers at once, so all of it is proposed. */
  expire(nowMs: number): void {
    if (this.#proposed.length === 0) return;
    expireWaiters(
      this.#proposed.map(({ waiter }) => waiter),
      nowMs,
      expired,
    );
    this.#proposed = this.#proposed.filter(({ waiter }) => waiter.open);
  }

  /** Ends every wait: `asked` for what the core has not answered, `proposed` for what it took. */
  failAll(asked: Error, proposed: Error): void {
    for (const waiter of this.#asked.values()) waiter.fail(asked);
    for (const { waiter } of this.#proposed) waiter.fail(proposed);
    this.#asked.clear();
    this.#proposed = [];
  }

  /** What everyone who waits at this moment was given. */
  promises(): Promise<unknown>[] {
    return [...this.#asked.values(), ...this.#proposed.map(({ waiter }) => waiter)].map(
      ({ promise }) => promise,
    );
  }
}

function asIs(configuration: MembershipConfiguration): MembershipConfiguration {
  return configuration;
}

function overwritten({ term, index }: Proposed, entry: Entry): EngineError {
  return new EngineError(
    "PROPOSE_FAILED",
    `proposed in term ${term} at entry ${index}, but an entry of term ${entry.term} was committed ` +
      `at ${entry.index}: the members are not changed by it, ask again`,
  );
}

function expired(): EngineError {
  return new EngineError(
    "OUTCOME_UNKNOWN",
    "timed out after the change of the members was proposed: it may still take effect, look at " +
      "the members before asking again",
  );
}
