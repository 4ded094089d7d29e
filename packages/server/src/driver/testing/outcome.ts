import { EngineError, type EngineErrorCode, type Outcome } from "@d-engine/core";

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
