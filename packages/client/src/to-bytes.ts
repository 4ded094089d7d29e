import { EngineError } from "@d-engine/core";
import type { Bytes } from "./engine-client.js";

const encoder = new TextEncoder();
// Fatal, so that a value that is not text is never handed out with bytes replaced; the byte order
// mark stays, so that what was put is what is got.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const loneSurrogate = /\p{Surrogate}/u;

/**
 * The bytes that `value` stands for: a string as UTF-8, a byte array as it is, not copied.
 * `name` says in messages what was given ("key", "value").
 *
 * Throws `INVALID_REQUEST` for anything else, and for a string with a lone surrogate: UTF-8 has
 * no form for it, and two different keys would silently become one.
 */
export function toBytes(value: Bytes, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== "string") {
    throw new EngineError(
      "INVALID_REQUEST",
      `${name} must be a string or a Uint8Array, got ${value === null ? "null" : typeof value}`,
    );
  }
  const bytes = encoder.encode(value);
  // Plain ASCII has as many bytes as characters and needs no second look.
  if (bytes.length !== value.length && loneSurrogate.test(value)) {
    throw new EngineError(
      "INVALID_REQUEST",
      `${name} has a lone surrogate, which UTF-8 cannot carry; pass its bytes as a Uint8Array`,
    );
  }
  return bytes;
}

/**
 * Decodes UTF-8 strictly. Throws `INVALID_RESPONSE` (outcome `rejected`: nothing was written)
 * when the bytes are not UTF-8; `get` returns such a value as bytes.
 */
export function toText(bytes: Uint8Array, name: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new EngineError(
      "INVALID_RESPONSE",
      `${name} (${bytes.length} bytes) is not UTF-8 text; read it as bytes with get`,
      { cause, outcome: "rejected" },
    );
  }
}
