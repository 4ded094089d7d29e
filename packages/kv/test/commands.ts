import { encodeCompareAndSwap, encodeDelete, encodePut, Slab } from "@d-engine/codec";
import type { LogIndex } from "@d-engine/core";
import { KvStateMachine, type WriteOutcome } from "../src/index.js";

const slab = new Slab();

/** The bytes of a text with one byte per character, U+0000 to U+00FF. */
export function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The inverse of `bytes`. */
export function text(value: Uint8Array): string {
  return String.fromCharCode(...value);
}

export function put(key: string, value: string, ttlMs?: number): Uint8Array {
  return encodePut(slab, bytes(key), bytes(value), ttlMs);
}

export function del(key: string): Uint8Array {
  return encodeDelete(slab, bytes(key));
}

export function cas(key: string, expected: string | undefined, value: string): Uint8Array {
  const expectedBytes = expected === undefined ? undefined : bytes(expected);
  return encodeCompareAndSwap(slab, bytes(key), expectedBytes, bytes(value));
}

/** Applies a command at the next index. */
export function applyNext(machine: KvStateMachine, command: Uint8Array): WriteOutcome {
  return machine.apply((machine.lastApplied + 1) as LogIndex, command);
}

/** A machine with these commands applied. */
export function machineWith(...commands: readonly Uint8Array[]): KvStateMachine {
  const machine = new KvStateMachine();
  for (const command of commands) applyNext(machine, command);
  return machine;
}

/** The keys and values that a scan finds, as `key=value`. */
export function scanned(
  reader: Pick<KvStateMachine, "scanPrefix">,
  prefix = "",
  limit?: number,
  after?: string,
): string[] {
  const from = after === undefined ? undefined : bytes(after);
  const { entries } = reader.scanPrefix(bytes(prefix), limit, from);
  return entries.map(({ key, value }) => `${text(key)}=${text(value)}`);
}
