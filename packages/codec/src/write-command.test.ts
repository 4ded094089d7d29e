import { describe, expect, it } from "vitest";
import { CodecError } from "./codec-error.js";
import { Slab } from "./slab.js";
import { decodeWriteCommand } from "./write-command-decoder.js";
import {
  encodeCompareAndSwap,
  encodeDelete,
  encodePut,
  encodeWriteCommand,
} from "./write-command-encoder.js";

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const slab = new Slab();
const key = Uint8Array.of(0x6b);
const value = Uint8Array.of(0x76);
const empty = new Uint8Array(0);

describe("encoders of write commands", () => {
  it.each([
    { name: "put", bytes: encodePut(slab, key, value), hex: "0a06 0a016b 120176" },
    { name: "put of nothing", bytes: encodePut(slab, key, empty), hex: "0a03 0a016b" },
    {
      name: "put with a time to live, in seconds rounded up and in milliseconds (rule R15)",
      bytes: encodePut(slab, key, value, 1001),
      hex: "0a0c 0a016b 120176 1802 a006e907",
    },
    { name: "delete", bytes: encodeDelete(slab, key), hex: "1203 0a016b" },
    {
      name: "swap of what must not exist",
      bytes: encodeCompareAndSwap(slab, key, undefined, value),
      hex: "1a06 0a016b 1a0176",
    },
    {
      name: "swap of an empty value",
      bytes: encodeCompareAndSwap(slab, key, empty, value),
      hex: "1a08 0a016b 1200 1a0176",
    },
  ])("$name", ({ bytes, hex }) => {
    expect(hexOf(bytes)).toBe(hex.replaceAll(" ", ""));
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])(
    "refuse a time to live of %d",
    (ttlMs) => {
      expect(() => encodePut(slab, key, value, ttlMs)).toThrow(CodecError);
      expect(() => encodeWriteCommand(slab, { kind: "put", key, value, ttlMs })).toThrow(/ttl_ms/);
    },
  );

  it.each([
    { ttlMs: 9_007_199_254_740_000, ttlSecs: 9_007_199_254_740n },
    { ttlMs: 9_007_199_254_740_001, ttlSecs: 9_007_199_254_741n },
    { ttlMs: Number.MAX_SAFE_INTEGER, ttlSecs: 9_007_199_254_741n },
  ])("round $ttlMs ms up to whole seconds, where numbers are coarsest", ({ ttlMs, ttlSecs }) => {
    expect(hexOf(encodePut(slab, empty, empty, ttlMs))).toContain(
      `18${hexOf(varint(ttlSecs))}a006`,
    );
  });

  it("take nothing but memory of their own", () => {
    const source = Uint8Array.of(1, 2, 3);
    const put = encodePut(slab, source, source);
    source.fill(0);
    expect(decodeWriteCommand(put)).toMatchObject({ key: Uint8Array.of(1, 2, 3) });
  });
});

describe("decodeWriteCommand", () => {
  it("shows views of its input", () => {
    const bytes = encodeCompareAndSwap(new Slab(), key, value, value);
    const command = decodeWriteCommand(bytes);
    if (command.kind !== "compareAndSwap") expect.fail(command.kind);
    const views = [command.key, command.expected, command.value];
    expect(views.every((view) => view?.buffer === bytes.buffer)).toBe(true);
  });

  it.each([
    { name: "no operation", hex: "" },
    { name: "an operation of a newer version", hex: "2203 0a016b" },
  ])("answers none to $name", ({ hex }) => {
    expect(decodeWriteCommand(bytesOf(hex))).toEqual({ kind: "none" });
  });

  it.each([
    { name: "seconds alone", hex: "0a02 1803", ttlMs: 3000 },
    {
      name: "milliseconds, which win",
      hex: "0a06 1803 a006e907",
      ttlMs: 1001,
    },
    { name: "milliseconds of 0, which do not count", hex: "0a05 1803 a00600", ttlMs: 3000 },
  ])("takes the time to live from $name (rule R15)", ({ hex, ttlMs }) => {
    expect(decodeWriteCommand(bytesOf(hex))).toMatchObject({ kind: "put", ttlMs });
  });

  it.each([
    { name: "ttl_ms past 2^53 - 1", hex: "0a0a a006 8080808080808010" },
    { name: "ttl_secs past 2^53 - 1 in milliseconds", hex: "0a08 18 ffffffffffff03" },
    { name: "a key longer than its operation", hex: "0a03 0a026b 6b" },
    { name: "an operation longer than the bytes", hex: "0a04 0a016b" },
    { name: "a number for a key", hex: "0a02 0801" },
  ])("refuses $name", ({ hex }) => {
    expect(() => decodeWriteCommand(bytesOf(hex))).toThrow(CodecError);
  });

  it("tells an absent expectation from an empty one", () => {
    const absent = decodeWriteCommand(encodeCompareAndSwap(slab, key, undefined, value));
    const present = decodeWriteCommand(encodeCompareAndSwap(slab, key, empty, value));
    expect(absent).toMatchObject({ expected: undefined });
    expect(present).toMatchObject({ expected: empty });
  });
});

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.from([...bytes, Number(rest)]);
}
