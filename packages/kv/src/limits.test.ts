import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { KV_LIMITS_DEFAULTS, type KvLimits, KvStateMachine, resolveKvLimits } from "./index.js";

describe("resolveKvLimits", () => {
  it("fills in the defaults, and freezes", () => {
    expect(resolveKvLimits()).toEqual(KV_LIMITS_DEFAULTS);
    expect(resolveKvLimits({ keyBytesMax: 10 })).toEqual({
      ...KV_LIMITS_DEFAULTS,
      keyBytesMax: 10,
    });
    expect(Object.isFrozen(resolveKvLimits())).toBe(true);
    expect(Object.isFrozen(KV_LIMITS_DEFAULTS)).toBe(true);
  });

  it.each<Partial<KvLimits>>([
    { keyBytesMax: 1 },
    { keyBytesMax: 65_536 },
    { valueBytesMax: 0 },
    { valueBytesMax: 2 ** 30 },
    { keysMax: 1 },
    { keysMax: 2 ** 23 },
  ])("takes the bound %o", (limits) => {
    expect(resolveKvLimits(limits)).toMatchObject(limits);
  });

  it.each<Partial<KvLimits>>([
    { keyBytesMax: 0 },
    { keyBytesMax: 65_537 },
    { keyBytesMax: 1.5 },
    { valueBytesMax: -1 },
    { valueBytesMax: 2 ** 30 + 1 },
    { valueBytesMax: Number.NaN },
    { keysMax: 0 },
    { keysMax: 2 ** 23 + 1 },
    { keysMax: "9" as unknown as number },
    { valueBytesMaximum: 3 } as Partial<KvLimits>,
  ])("refuses %o by name", (limits) => {
    expect(() => resolveKvLimits(limits)).toThrow(Object.keys(limits)[0]);
    expect(() => new KvStateMachine(limits)).toThrow(Object.keys(limits)[0]);
  });

  it("names every bad field in one INVALID_REQUEST", () => {
    let error: unknown;
    try {
      resolveKvLimits({ keyBytesMax: 0, valueBytesMax: -1, keysMax: 5 });
    } catch (caught) {
      error = caught;
    }
    expect(isEngineError(error, "INVALID_REQUEST")).toBe(true);
    expect(String(error)).toMatch(/keyBytesMax.*1 to 65536, got 0; valueBytesMax.*got -1$/);
  });
});
