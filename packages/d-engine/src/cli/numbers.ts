import { InvalidArgumentError } from "commander";

/** A whole number of things, 1 or more. */
export function readCount(text: string): number {
  const count = wholeNumber(text);
  if (count !== undefined && count >= 1) return count;
  throw new InvalidArgumentError("It must be a whole number, 1 or more.");
}

/** A revision of the store. */
export function readRevision(text: string): number {
  const revision = wholeNumber(text);
  if (revision !== undefined && revision >= 1) return revision;
  throw new InvalidArgumentError("A revision is a whole number, 1 or more.");
}

/** The id of a lease; those above are the store's own. */
export function readLeaseId(text: string): number {
  const id = wholeNumber(text);
  if (id !== undefined && id >= 1 && id < 2 ** 52) return id;
  throw new InvalidArgumentError("A lease id is a whole number from 1 to 2^52 - 1.");
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Milliseconds of a time with its unit. Without one it is refused: other tools mean seconds, the API
 * milliseconds, and a lock that ends a thousand times too early is found out late.
 */
export function readDurationMs(text: string): number {
  const [, digits = "", unit = ""] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  const count = wholeNumber(digits);
  const ms = (count ?? 0) * (unitMs[unit as keyof typeof unitMs] ?? 0);
  if (Number.isSafeInteger(ms) && ms >= 1) return ms;
  throw new InvalidArgumentError("It must be a time with its unit, as 500ms, 30s, 5m, 2h or 1d.");
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}
