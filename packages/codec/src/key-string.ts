import { invariant } from "@d-engine/core";

/**
 * Keys as strings of one character per byte (U+0000 to U+00FF): what maps hash fastest, what
 * compares as the bytes do, and what the engine stores in one byte per character.
 */

/** The string whose code units are the bytes of `key`, or of its part [`from`, `to`). */
export function keyToString(key: Uint8Array, from = 0, to: number = key.length): string {
  return to - from <= shortKeyMax
    ? shortKeyToString(key, from, to)
    : longKeyToString(key.subarray(from, to));
}

/** Up to here the runtime joins strings by copying; longer ones become trees to be flattened. */
const shortKeyMax = 12;

/** A call with a fixed number of arguments is inlined; one with an array of them is not. */
function shortKeyToString(key: Uint8Array, from: number, to: number): string {
  let text = "";
  let i = from;
  if (i + 8 <= to) {
    text = String.fromCharCode(
      key[i]!,
      key[i + 1]!,
      key[i + 2]!,
      key[i + 3]!,
      key[i + 4]!,
      key[i + 5]!,
      key[i + 6]!,
      key[i + 7]!,
    );
    i += 8;
  }
  if (i + 4 <= to) {
    text += String.fromCharCode(key[i]!, key[i + 1]!, key[i + 2]!, key[i + 3]!);
    i += 4;
  }
  if (i + 2 <= to) {
    text += String.fromCharCode(key[i]!, key[i + 1]!);
    i += 2;
  }
  if (i < to) text += String.fromCharCode(key[i]!);
  return text;
}

/** In pieces, as arguments lie on the stack. */
function longKeyToString(key: Uint8Array): string {
  let text = "";
  for (let i = 0; i < key.length; i += argumentsMax) {
    const piece = key.subarray(i, i + argumentsMax);
    text += String.fromCharCode.apply(null, piece as unknown as number[]);
  }
  return text;
}

const argumentsMax = 4096;

/** The bytes of a string that `keyToString` made; the caller owns them. */
export function stringToKey(text: string): Uint8Array {
  const key = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    invariant(unit <= 0xff, "a key string has one byte per character");
    key[i] = unit;
  }
  return key;
}
