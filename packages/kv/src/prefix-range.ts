import { type KeySpan, keyToString } from "@d-engine/codec";

/**
 * Ranges over keys as one-byte strings: one character from U+0000 to U+00FF per key byte. They
 * compare by code unit, which is byte order.
 */
export interface KeyRange {
  /** First key of the range, if it exists. */
  readonly from: string;
  /** Above every key of the range; itself no key. */
  readonly to: string;
}

/**
 * The keys that begin with `prefix` and, when `after` is given, come after that key: the next page
 * of a scan. Empty when `after` lies beyond the prefix.
 *
 * The upper bound is the prefix and one character that no key byte can be. So a prefix that ends
 * in 0xff bytes, whose successor would have to be carried, and the empty prefix, which has none,
 * are no special cases.
 */
export function prefixRange(prefix: string, after?: string): KeyRange {
  const to = prefix + aboveEveryByte;
  if (after === undefined || after < prefix) return { from: prefix, to };
  return { from: after + lowestByte, to };
}

/** The keys of a span; from there to the last one when its end is empty. */
export function spanRange({ key, rangeEnd }: KeySpan): KeyRange {
  const from = keyToString(key);
  if (rangeEnd === undefined) return { from, to: from + lowestByte };
  return { from, to: rangeEnd.length === 0 ? aboveEveryByte : keyToString(rangeEnd) };
}

export const aboveEveryByte = "\u0100";
export const lowestByte = "\u0000";
