import { type Bytes, toBytes } from "@d-engine/client";
import { EngineError } from "@d-engine/core";

const encoder = new TextEncoder();
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Turns arguments into bytes without an array for each: a string is encoded into memory that the
 * next call overwrites, which costs a tenth of an array of its own.
 */
export class ArgumentBytes {
  readonly #scratch = new Uint8Array(scratchBytes);

  /**
   * The bytes of `value`, valid until the next call. Throws `INVALID_REQUEST`, naming `name`, for
   * what is neither a string nor a byte array, and for a string with a lone surrogate.
   */
  of(value: Bytes, name: string): Uint8Array {
    // UTF-8 has at most three bytes for each UTF-16 unit.
    if (typeof value !== "string" || value.length * 3 > scratchBytes) return toBytes(value, name);
    const { written } = encoder.encodeInto(value, this.#scratch);
    if (written !== value.length && loneSurrogate.test(value)) {
      throw new EngineError(
        "INVALID_REQUEST",
        `${name} has a lone surrogate, which UTF-8 cannot carry; pass its bytes as a Uint8Array`,
      );
    }
    return this.#scratch.subarray(0, written);
  }
}

const scratchBytes = 16 * 1024;
