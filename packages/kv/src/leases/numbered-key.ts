import { invariant } from "@d-engine/core";

/**
 * The key of a snapshot's record: a namespace, then each number in 8 bytes, the most significant
 * first, so that the order of the bytes is that of the numbers.
 */
export function numberedKey(namespace: number, ...numbers: readonly number[]): Uint8Array {
  const key = new Uint8Array(1 + 8 * numbers.length);
  const view = new DataView(key.buffer);
  view.setUint8(0, namespace);
  numbers.forEach((number, i) => {
    invariant(Number.isSafeInteger(number) && number >= 0, () => `${number} in a key`);
    view.setUint32(1 + 8 * i, Math.floor(number / 2 ** 32));
    view.setUint32(5 + 8 * i, number >>> 0);
  });
  return key;
}

/** The numbers of such a key; `undefined` for one that has other lengths, or greater numbers. */
export function numbersOf(key: Uint8Array): readonly number[] | undefined {
  if (key.length % 8 !== 1) return undefined;
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const numbers: number[] = [];
  for (let at = 1; at < key.length; at += 8) {
    const number = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    if (!Number.isSafeInteger(number)) return undefined;
    numbers.push(number);
  }
  return numbers;
}
