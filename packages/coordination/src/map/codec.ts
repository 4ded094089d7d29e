import { type Bytes, EngineError } from "@d-engine/client";

/** How values become bytes and back. */
export interface Codec {
  /** Throws for what has no such form. */
  encode(value: unknown): Bytes;
  /** Throws for bytes that are none of its own. What comes out is looked at by the check. */
  decode(bytes: Uint8Array): unknown;
}

/**
 * Makes of a decoded value what it must be, or throws: `schema.parse` of zod, `v.parser(schema)` of
 * valibot, or a function of your own. An object is asked by its method `parse`.
 */
export type Check<T> = ((value: unknown) => T) | { parse(value: unknown): T };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Values as JSON text. Nothing, as opposed to `null`, is no bytes at all. */
export const jsonCodec: Codec = Object.freeze({
  encode(value: unknown): Uint8Array {
    if (value === undefined) return new Uint8Array(0);
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return encoder.encode(text);
    throw new EngineError("INVALID_REQUEST", `a ${typeof value} has no JSON form`);
  },
  decode(bytes: Uint8Array): unknown {
    return bytes.length === 0 ? undefined : JSON.parse(decoder.decode(bytes));
  },
});

/** What `check` makes of `value`; without a check, the value as it is. */
export function checked<T>(check: Check<T> | undefined, value: unknown): T {
  if (check === undefined) return value as T;
  return typeof check === "function" ? check(value) : check.parse(value);
}
