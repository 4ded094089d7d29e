import type { KeyRecord } from "@d-engine/client";
import { EngineError } from "@d-engine/core";

/** One addition that waits. */
export interface Pending {
  readonly by: number;
  readonly resolve: (value: number) => void;
  readonly reject: (error: unknown) => void;
}

/** A value, and the revision that made it; 0 for a counter that nobody has added to. */
export interface Known {
  readonly value: number;
  readonly modRevision: number;
}

/** The value after all of `batch`, in its order, and what tells each of them its own. */
export function settledBy(what: string, { value }: Known, batch: readonly Pending[]) {
  let total = value;
  const told = batch.map(({ by, resolve, reject }) => {
    if (!Number.isSafeInteger(total + by)) {
      const message = `${what} would leave its range: ${total} and ${by}; nothing was added`;
      return () => reject(new EngineError("INVALID_REQUEST", message));
    }
    total += by;
    const own = total;
    return () => resolve(own);
  });
  const settle = (): void => {
    for (const tell of told) tell();
  };
  return { value: total, settle };
}

export function decimalOf(value: number): string {
  // There is one zero only.
  return String(value === 0 ? 0 : value);
}

/** @throws EngineError `INVALID_REQUEST` when something else than a counter wrote the key */
export function knownOf(what: string, entries: readonly KeyRecord[]): Known {
  const [record] = entries;
  if (record === undefined) return { value: 0, modRevision: 0 };
  const text = new TextDecoder().decode(record.value);
  const value = Number(text);
  if (text !== "" && Number.isSafeInteger(value) && decimalOf(value) === text) {
    return { value, modRevision: record.modRevision };
  }
  const message = `the key of ${what} holds ${JSON.stringify(text.slice(0, 40))}, no integer`;
  throw new EngineError("INVALID_REQUEST", `${message}; delete the key to begin again`);
}
