import type { Envelope, HardState, LogId, LogWrite, RaftStatus } from "@d-engine/core";
import type { StoredCommand } from "./equal-stores.js";
import type { NodeMirror } from "./node-mirror.js";

/** One broken promise. The first one ends a run. */
export interface Violation {
  /** The invariant's number in the list, `I1` to `L6`, or a short name of another rule. */
  readonly rule: string;
  readonly message: string;
}

/** One applied entry, as the state machine saw it. */
export interface AppliedEntry {
  readonly index: number;
  /** Over the command's bytes; 0 for an entry without one. */
  readonly hash: number;
  /** Identity that a client gave to this attempt, when the command carries one. */
  readonly attempt: string | undefined;
  /** What the key-value store made of it, when that is the state machine. */
  readonly stored?: StoredCommand;
}

/**
 * One checker of one invariant. It hears of everything that nodes write, send, apply and become,
 * and answers with what is wrong, or with nothing.
 */
export interface Checker {
  readonly rule: string;
  /** A batch is handed to the log; `mirror` shows the log before it. */
  writing?(mirror: NodeMirror, write: LogWrite): string | undefined;
  /** A message is handed to the network. */
  sending?(mirror: NodeMirror, envelope: Envelope): string | undefined;
  applied?(mirror: NodeMirror, entry: AppliedEntry): string | undefined;
  /** The state was replaced by that of a snapshot up to `index`. */
  restored?(mirror: NodeMirror, index: number): string | undefined;
  /** A snapshot of the node's own, or one that it received, is durable under its name. */
  snapshot?(mirror: NodeMirror, lastIncluded: LogId): string | undefined;
  /** After an event in this node. */
  stepped?(mirror: NodeMirror, status: RaftStatus, before: RaftStatus | undefined): Verdict;
  /** A node opened its log; `mirror` shows what it must at least hold. */
  recovered?(mirror: NodeMirror, hardState: HardState | undefined): string | undefined;
}

type Verdict = string | undefined;

/** Passes everything on to the checkers and keeps the first violation. */
export class Witness {
  violation: Violation | undefined;
  readonly #checkers: readonly Checker[];

  constructor(checkers: readonly Checker[]) {
    this.#checkers = checkers;
  }

  writing(mirror: NodeMirror, write: LogWrite): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.writing?.(mirror, write));
    }
  }

  sending(mirror: NodeMirror, envelope: Envelope): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.sending?.(mirror, envelope));
    }
  }

  applied(mirror: NodeMirror, entry: AppliedEntry): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.applied?.(mirror, entry));
    }
  }

  restored(mirror: NodeMirror, index: number): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.restored?.(mirror, index));
    }
  }

  snapshot(mirror: NodeMirror, lastIncluded: LogId): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.snapshot?.(mirror, lastIncluded));
    }
  }

  stepped(mirror: NodeMirror, status: RaftStatus, before: RaftStatus | undefined): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.stepped?.(mirror, status, before));
    }
  }

  recovered(mirror: NodeMirror, hardState: HardState | undefined): void {
    for (const checker of this.#checkers) {
      this.#note(checker, mirror, checker.recovered?.(mirror, hardState));
    }
  }

  /** For what is found outside the checkers: a node that stopped by itself, say. */
  report(rule: string, message: string): void {
    this.violation ??= { rule, message };
  }

  #note(checker: Checker, mirror: NodeMirror, verdict: Verdict): void {
    if (verdict !== undefined) this.report(checker.rule, `node ${mirror.nodeId}: ${verdict}`);
  }
}
