import { encodeCompareAndSwap, encodePut, Slab } from "@d-engine/codec";

const slab = new Slab();

export function utf8(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString();
}

/** The command that sets `key` to `value`. */
export function put(key: string, value: string): Uint8Array {
  return encodePut(slab, utf8(key), utf8(value));
}

/** The command that sets `key` to `value` if it does not exist. */
export function create(key: string, value: string): Uint8Array {
  return encodeCompareAndSwap(slab, utf8(key), undefined, utf8(value));
}
