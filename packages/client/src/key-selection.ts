import type { KeySpan } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { Bytes } from "./engine-client.js";
import { toBytes } from "./to-bytes.js";

/**
 * Which keys: one key; all that begin with a prefix, an empty one meaning every key; or all from
 * `start` up to, without, `end`, in byte order, to the last when there is no `end`.
 */
export type KeySelection =
  | Bytes
  | { readonly prefix: Bytes }
  | { readonly start: Bytes; readonly end?: Bytes | undefined };

/**
 * The half-open span of a selection, of bytes that belong to nobody else.
 *
 * @throws EngineError `INVALID_REQUEST` for what is no selection, and for an end that is not above
 *   the start
 */
export function spanOf(selection: KeySelection): KeySpan {
  if (typeof selection === "string" || selection instanceof Uint8Array) {
    return { key: copyOf(selection, "key"), rangeEnd: undefined };
  }
  if (typeof selection !== "object" || selection === null) throw noSelection(selection);
  if ("prefix" in selection) {
    const prefix = copyOf(selection.prefix, "prefix");
    if (prefix.length === 0) return { key: Uint8Array.of(0), rangeEnd: new Uint8Array(0) };
    return { key: prefix, rangeEnd: afterPrefix(prefix) };
  }
  if (!("start" in selection)) throw noSelection(selection);
  const given = copyOf(selection.start, "start");
  // No key is empty, so the smallest there can be means the same.
  const key = given.length === 0 ? Uint8Array.of(0) : given;
  if (selection.end === undefined) return { key, rangeEnd: new Uint8Array(0) };
  const rangeEnd = copyOf(selection.end, "end");
  if (compareBytes(key, rangeEnd) < 0) return { key, rangeEnd };
  throw new EngineError("INVALID_REQUEST", "the end of a range must lie above its start");
}

/** The first key behind all that begin with `prefix`; empty when there is none. */
function afterPrefix(prefix: Uint8Array): Uint8Array {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length -= 1;
  const end = prefix.slice(0, length);
  if (length > 0) end[length - 1] = (end[length - 1] ?? 0) + 1;
  return end;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function copyOf(bytes: Bytes, what: string): Uint8Array {
  return new Uint8Array(toBytes(bytes, what));
}

function noSelection(given: unknown): EngineError {
  return new EngineError(
    "INVALID_REQUEST",
    `keys are selected by a key, { prefix } or { start, end }, got ${typeof given}`,
  );
}
