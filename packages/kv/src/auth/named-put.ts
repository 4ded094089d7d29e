import { CodecError, decodeIdentity, keyToString } from "@d-engine/codec";
import type { PlainPut } from "../plain-put.js";
import { lowestByte } from "../prefix-range.js";
import type { Access } from "./access.js";
import type { AuthState } from "./auth-state.js";

/**
 * Finds a plain put that says on whose behalf it is, and whether that is allowed, without making more
 * objects than it must: where users are asked for, nearly all commands are such puts. Anything else,
 * and what is not allowed, goes the long way, which comes to the same.
 *
 * Layout: that of a `PlainPut`; then field 103, with a length of one byte; nothing after it.
 */
export class NamedPut {
  readonly #plainPut: PlainPut;
  /** Who wrote last: most commands are by few. */
  #identity: Uint8Array = new Uint8Array(0);
  #auth: AuthState | undefined;
  #access: Access | undefined;

  constructor(plainPut: PlainPut) {
    this.#plainPut = plainPut;
  }

  /** The put, a view that the `PlainPut` has read, if `bytes` is one that is allowed. */
  allowed(bytes: Uint8Array, auth: AuthState): Uint8Array | undefined {
    const end = endOfFirst(bytes);
    const isNamed =
      bytes[end] === identityTag[0] &&
      bytes[end + 1] === identityTag[1] &&
      end + 3 + (bytes[end + 2] ?? 0) === bytes.length;
    if (!isNamed) return undefined;
    const access = this.#accessOf(bytes, end + 3, auth);
    if (access === undefined) return undefined;
    const put = bytes.subarray(0, end);
    if (!this.#plainPut.read(put)) return undefined;
    if (access.root) return put;
    const { keyFrom, keyTo } = this.#plainPut;
    const from = keyToString(put, keyFrom, keyTo);
    return access.mayWrite({ from, to: from + lowestByte }) ? put : undefined;
  }

  #accessOf(bytes: Uint8Array, from: number, auth: AuthState): Access | undefined {
    if (this.#auth === auth && endsWith(bytes, from, this.#identity)) return this.#access;
    this.#identity = bytes.slice(from);
    this.#auth = auth;
    this.#access = accessOf(this.#identity, auth);
    return this.#access;
  }
}

/** `undefined` for nobody, and for what is no identity: the long way says what is wrong. */
function accessOf(identity: Uint8Array, auth: AuthState): Access | undefined {
  try {
    const found = auth.accessFor(decodeIdentity(identity));
    return "code" in found ? undefined : found;
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return undefined;
  }
}

/** Field 103 as bytes. */
const identityTag = [0xba, 0x06] as const;
const insertTag = 0x0a;

/** Where the first field ends, if that is an insert of a length that is one; otherwise nowhere. */
function endOfFirst(bytes: Uint8Array): number {
  if (bytes[0] !== insertTag) return bytes.length;
  let length = 0;
  for (let at = 1; at < 5; at++) {
    const byte = bytes[at];
    if (byte === undefined) break;
    length |= (byte & 0x7f) << (7 * (at - 1));
    if (byte < 0x80) return Math.min(at + 1 + length, bytes.length);
  }
  return bytes.length;
}

function endsWith(bytes: Uint8Array, from: number, end: Uint8Array): boolean {
  if (bytes.length - from !== end.length) return false;
  for (let i = 0; i < end.length; i++) if (bytes[from + i] !== end[i]) return false;
  return true;
}
