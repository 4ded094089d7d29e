import { setTimeout as pause } from "node:timers/promises";
import { type EngineErrorCode, isEngineError } from "@d-engine/core";

export type Settled =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly code: EngineErrorCode }
  /** Nobody could say in time. */
  | { readonly kind: "open"; readonly why: string };

/** Answers after which the change cannot happen any more, whatever came before. */
const refusals: ReadonlySet<EngineErrorCode> = new Set<EngineErrorCode>([
  "INVALID_REQUEST",
  "QUORUM_AT_RISK",
  "LEARNER_NOT_READY",
]);
const pauseMs = 150;

/**
 * Asks for a change of the members until it is known what came of it. There is one change at a
 * time: who is refused for another reason than a change under way knows that no earlier attempt of
 * the same change waits for its commit.
 */
export async function settle(ask: () => Promise<unknown>, withinMs: number): Promise<Settled> {
  const deadlineMs = performance.now() + withinMs;
  let mayHaveHappened = false;
  for (;;) {
    try {
      await ask();
      return { kind: "done" };
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const { code, outcome, message } = error;
      // It asks for what is so already.
      if (code === "INVALID_REQUEST" && mayHaveHappened) return { kind: "done" };
      if (refusals.has(code)) return { kind: "refused", code };
      mayHaveHappened ||= outcome === "unknown";
      if (performance.now() > deadlineMs) return { kind: "open", why: `${code}: ${message}` };
    }
    await pause(pauseMs);
  }
}
