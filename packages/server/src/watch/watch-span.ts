import { type KeySpan, keyToString } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";

/** The keys of a watch, one character for each byte, so that they compare as the bytes do. */
export type WatchSpan =
  | { readonly kind: "key"; readonly key: string }
  /** From `from` up to, without, `to`. */
  | { readonly kind: "range"; readonly from: string; readonly to: string };

/** Throws `INVALID_REQUEST` for a span in which no key can lie, or that is longer than any key. */
export function watchSpanOf({ key, rangeEnd }: KeySpan, keyBytesMax: number): WatchSpan {
  for (const bytes of [key, rangeEnd ?? key]) {
    if (bytes.length <= keyBytesMax) continue;
    const message = `a watched key has at most ${keyBytesMax} bytes (keyBytesMax), got ${bytes.length}`;
    throw new EngineError("INVALID_REQUEST", message);
  }
  const from = keyToString(key);
  if (rangeEnd === undefined) {
    if (from !== "") return { kind: "key", key: from };
    const advice = "to watch every key give an empty end of the range, or an empty prefix";
    throw new EngineError("INVALID_REQUEST", `a watched key has at least 1 byte; ${advice}`);
  }
  const to = rangeEnd.length === 0 ? aboveEveryKey : keyToString(rangeEnd);
  if (from < to) return { kind: "range", from, to };
  throw new EngineError("INVALID_REQUEST", "the end of a watched range must lie behind its start");
}

/** All keys that begin with `prefix`. */
export function prefixSpan(prefix: Uint8Array): KeySpan {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  // Of 0xff bytes alone, or of none: nothing that is greater begins otherwise.
  if (length === 0) return { key: prefix, rangeEnd: new Uint8Array(0) };
  // A copy, also of a `Buffer`, whose `slice` is none.
  const rangeEnd = new Uint8Array(prefix.subarray(0, length));
  rangeEnd[length - 1] = (rangeEnd[length - 1] ?? 0) + 1;
  return { key: prefix, rangeEnd };
}

/** One character that no byte can be. */
const aboveEveryKey = "\u0100";
