import type { SessionMark } from "@d-engine/codec";
import type { TwinOutcome } from "./twin-record.js";

interface TwinSession {
  acknowledged: number;
  readonly outcomes: Map<number, TwinOutcome>;
}

/** Which writes of sessions were executed, and what they answered (rule R17). */
export class TwinSessions {
  readonly #sessions = new Map<number, TwinSession>();

  begin(id: number): void {
    this.#sessions.set(id, { acknowledged: 0, outcomes: new Map() });
  }

  end(id: number): void {
    this.#sessions.delete(id);
  }

  /** Executes a write that was not executed before. */
  run(
    { id, sequence, acknowledged }: SessionMark,
    revision: number,
    execute: () => TwinOutcome,
  ): TwinOutcome {
    const session = this.#sessions.get(id);
    const refused = { succeeded: false, revision, detail: "" };
    if (session === undefined) return { ...refused, refusal: "SESSION_EXPIRED" };
    session.acknowledged = Math.max(session.acknowledged, acknowledged);
    if (sequence <= session.acknowledged) return { ...refused, refusal: "INVALID_REQUEST" };
    const known = session.outcomes.get(sequence);
    if (known !== undefined) return known;
    const outcome = execute();
    session.outcomes.set(sequence, outcome);
    return outcome;
  }
}
