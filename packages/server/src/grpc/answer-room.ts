import { EngineError } from "@d-engine/core";
import type { PortMetrics } from "../connections/port-metrics.js";

/** Below this an answer is not worth counting. */
const smallBytes = 64 * 1024;

export interface AnswerRoomSetup {
  readonly unsentBytesMax: number;
  readonly unsentBytes: (peer: string) => number;
  readonly metrics: Pick<PortMetrics, "unreadAnswers">;
}

/** Bounds the answers that one connection has asked for and does not read. */
export class AnswerRoom {
  readonly #setup: AnswerRoomSetup;

  constructor(setup: AnswerRoomSetup) {
    this.#setup = setup;
  }

  /** @throws EngineError `OUTCOME_UNKNOWN`: what was asked for may have been done */
  check(peer: string, answerBytes: number): void {
    if (answerBytes < smallBytes) return;
    const { unsentBytesMax, unsentBytes, metrics } = this.#setup;
    const unread = unsentBytes(peer);
    if (unread + answerBytes <= unsentBytesMax) return;
    metrics.unreadAnswers += 1;
    const message =
      `${unread} bytes of answers are unread on this connection, and ${answerBytes} more would ` +
      `exceed ${unsentBytesMax} (unsentBytesMax); read them, or ask for less at once`;
    throw new EngineError("OUTCOME_UNKNOWN", message);
  }
}
