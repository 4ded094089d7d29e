import { describe, expect, it } from "vitest";
import { CodecError } from "./codec-error.js";
import { Slab } from "./slab.js";
import { decodeWriteCommand } from "./write-command-decoder.js";
import { encodePut } from "./write-command-encoder.js";
import { appendStamp, encodeKvWrite, stampOf, withSession } from "./write-marks.js";

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

const slab = new Slab();
const key = Uint8Array.of(0x6b);
const mark = { id: 1, sequence: 2, acknowledged: 1 };

describe("marks stand behind the operation", () => {
  it.each([
    {
      name: "a kv command",
      bytes: encodeKvWrite(slab, { kind: "leaseRevoke", id: 5 }),
      hex: "aa0604 32020805",
    },
    {
      name: "a kv command in a session",
      bytes: encodeKvWrite(slab, { kind: "time" }, mark),
      hex: "aa0602 4a00 b20606 080110021801",
    },
    {
      name: "a put in a session",
      bytes: withSession(slab, encodePut(slab, key, key), mark),
      hex: "0a06 0a016b12016b b20606 080110021801",
    },
    {
      name: "a stamp",
      bytes: appendStamp(slab, encodePut(slab, key, key), 2 ** 53 - 2),
      hex: "0a06 0a016b12016b a106 feffffffffff1f00",
    },
  ])("$name", ({ bytes, hex }) => {
    expect(hexOf(bytes)).toBe(hex.replaceAll(" ", ""));
  });

  it.each([-1, 0.5, Number.NaN, 2 ** 53])("a stamp of %d is refused", (stampMs) => {
    expect(() => appendStamp(slab, key, stampMs)).toThrow(/stamp_ms/);
  });

  it("a stamp past 2^53 - 1 is refused, and one that was cut", () => {
    expect(() => decodeWriteCommand(bytesOf("a106 0000000000002000"))).toThrow(CodecError);
    expect(() => decodeWriteCommand(bytesOf("a106 00000000000000"))).toThrow(CodecError);
  });

  it("the errors of a kv command count bytes from the beginning of the write", () => {
    expect(() => decodeWriteCommand(bytesOf("aa0603 320108"))).toThrow(/LeaseRevoke.* at byte 6/);
  });
});

describe("stampOf", () => {
  const stamp = bytesOf("a106 0100000000000000");

  it("reads the stamp behind any operation, one of 0 too", () => {
    for (const stampMs of [0, 1, 2 ** 32, 2 ** 53 - 1]) {
      expect(stampOf(appendStamp(slab, encodePut(slab, key, key), stampMs))).toBe(stampMs);
      expect(stampOf(appendStamp(slab, new Uint8Array(0), stampMs))).toBe(stampMs);
      const command = encodeKvWrite(slab, { kind: "time" }, mark);
      expect(stampOf(appendStamp(slab, command, stampMs))).toBe(stampMs);
    }
  });

  it("does not take the end of a value for a stamp", () => {
    expect(stampOf(encodePut(slab, key, stamp))).toBeUndefined();
    const put = { kind: "leasePut", key, value: stamp, lease: 0, ttlMs: 0 } as const;
    expect(stampOf(encodeKvWrite(slab, put))).toBeUndefined();
    const stamped = appendStamp(slab, encodePut(slab, key, stamp), 7);
    expect(stampOf(stamped)).toBe(7);
  });

  it.each([
    { name: "nothing", hex: "" },
    { name: "a stamp that is not the last field", hex: "a106 0100000000000000 0a00" },
    { name: "one that is too great", hex: "a106 0000000000002000" },
    { name: "bytes that are no command", hex: "0aff a106 0100000000000000" },
  ])("sees none in $name", ({ hex }) => {
    expect(stampOf(bytesOf(hex))).toBeUndefined();
  });
});
