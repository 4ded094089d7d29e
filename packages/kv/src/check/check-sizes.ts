import type { KeySpan } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { KvLimits } from "../limits.js";

/** Each throws `INVALID_REQUEST`, naming the field, its size and the bound. */

export function checkKey(keyBytes: number, { keyBytesMax }: KvLimits): void {
  if (keyBytes === 0) refuse(`the key is empty; it needs 1 to ${keyBytesMax} bytes`);
  if (keyBytes > keyBytesMax) {
    refuse(`the key has ${keyBytes} bytes, more than keyBytesMax = ${keyBytesMax}`);
  }
}

export function checkValue(what: string, valueBytes: number, { valueBytesMax }: KvLimits): void {
  if (valueBytes > valueBytesMax) {
    refuse(`the ${what} has ${valueBytes} bytes, more than valueBytesMax = ${valueBytesMax}`);
  }
}

/** The bounds of a range may be a byte longer than a key: the one right behind the longest key. */
export function checkSpan({ key, rangeEnd }: KeySpan, limits: KvLimits): void {
  if (rangeEnd === undefined) return checkKey(key.length, limits);
  const bytesMax = limits.keyBytesMax + 1;
  const longest = Math.max(key.length, rangeEnd.length);
  if (longest <= bytesMax) return;
  refuse(`a bound of the range has ${longest} bytes, more than keyBytesMax + 1 = ${bytesMax}`);
}

export function refuse(message: string): never {
  throw new EngineError("INVALID_REQUEST", message);
}
