import { decodeWriteCommand, type PutCommand } from "@d-engine/codec";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, cas, del, put } from "../test/commands.js";
import { PlainPut } from "./plain-put.js";

/** What `PlainPut` finds, in the decoder's form. */
function read(command: Uint8Array): PutCommand | undefined {
  const plain = new PlainPut();
  if (!plain.read(command)) return undefined;
  const value = command.subarray(plain.valueFrom, plain.valueTo);
  return { kind: "put", key: bytes(plain.key(command)), value, ttlMs: 0 };
}

/** Puts of all length classes, as they are or with a byte changed, dropped or added. */
const lengths = fc.constantFrom(0, 1, 2, 9, 127, 128, 300, 16_383, 16_384);
const puts = fc
  .tuple(lengths, lengths)
  .map(([key, value]) => put("k".repeat(key), "v".repeat(value)));
const damaged = fc
  .tuple(puts, fc.nat(12), fc.nat(255), fc.constantFrom("none", "set", "cut", "add"))
  .map(([command, at, byte, damage]) => {
    const changed = Uint8Array.from(command);
    if (damage === "set") changed[at % Math.max(1, changed.length)] = byte;
    if (damage === "cut") return changed.subarray(0, Math.max(0, changed.length - at));
    if (damage === "add") return Uint8Array.of(...changed, byte);
    return changed;
  });

describe("PlainPut", () => {
  it.each([
    { name: "short parts", command: put("k", "v") },
    { name: "an empty value", command: put("k", "") },
    { name: "a length of two bytes", command: put("k".repeat(200), "v".repeat(300)) },
    { name: "a length of three bytes", command: put("k", "v".repeat(2 ** 20)) },
  ])("reads a put of $name as the decoder does", ({ command }) => {
    expect(read(command)).toEqual(decodeWriteCommand(command));
  });

  it.each([
    { name: "a put with a TTL", command: put("k", "v", 1) },
    { name: "a delete", command: del("k") },
    { name: "a swap", command: cas("k", "v", "w") },
    { name: "no bytes", command: bytes("") },
    { name: "no key", command: bytes("\x0a\x00") },
    { name: "the value before the key", command: bytes("\x0a\x06\x12\x01v\x0a\x01k") },
    { name: "two inserts", command: Uint8Array.of(...put("k", "v"), ...put("k", "v")) },
    { name: "a key that reaches beyond the end", command: bytes("\x0a\x03\x0a\x02k") },
    { name: "a value that ends before the end", command: bytes("\x0a\x07\x0a\x01k\x12\x01vv") },
    { name: "an endless length", command: bytes("\x0a\xff\xff\xff\xff\xff\xff") },
  ])("leaves $name to the decoder", ({ command }) => {
    expect(read(command)).toBeUndefined();
  });

  it("never disagrees with the decoder, whatever the bytes", () => {
    let plain = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 12 })), (command) => {
        const found = read(command);
        if (found === undefined) return;
        plain++;
        expect(decodeWriteCommand(command)).toEqual(found);
      }),
      { numRuns: 2000 },
    );
    expect(plain).toBeGreaterThan(200);
  });
});
