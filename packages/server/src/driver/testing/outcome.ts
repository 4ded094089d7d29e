import { EngineError, type EngineErrorCode, type Outcome } from "@d-engine/core";
import type { VirtualClock } from "./virtual-clock.js";

/** How a promise stands: what a test compares, without waiting for it. */
export type Standing<T> =
  | { readonly kind: "pending" }
  | { readonly kind: "resolved"; readonly value: T }
  | { readonly kind: "rejected"; readonly code: EngineErrorCode; readonly outcome: Outcome }
  | { readonly kind: "threw"; readonly reason: unknown };

/** Follows a promise; the returned function tells how it stands. */
export function follow<T>(promise: Promise<T>): () => Standing<T> {
  let standing: Standing<T> = { kind: "pending" };
  promise.then(
    (value) => {
      standing = { kind: "resolved", value };
    },
    (reason: unknown) => {
      standing =
        reason instanceof EngineError
          ? { kind: "rejected", code: reason.code, outcome: reason.outcome }
          : { kind: "threw", reason };
    },
  );
  return () => standing;
}

/** The short form of a standing, for tables. */
export function told(standing: Standing<unknown>): string {
  if (standing.kind === "rejected") return `${standing.code} ${standing.outcome}`;
  return standing.kind;
}

/** What the promise resolves with, letting time pass until it does. */
export async function resolved<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const standing = follow(promise);
  await clock.advanceUntil(() => standing().kind !== "pending");
  if (standing().kind === "pending") throw new Error("still pending after a minute");
  return promise;
}

/** How a promise that settles at once has settled. */
export async function settled<T>(promise: Promise<T>): Promise<Standing<T>> {
  const standing = follow(promise);
  await promise.catch(() => undefined);
  return standing();
}
