import { describe, expect, it } from "vitest";
import { compareLogIds, LOG_ORIGIN, logIndex, nodeId, term } from "./ids.js";

describe("nodeId", () => {
  it.each([1, 2, 0xffff_ffff])("takes %d", (value) => {
    expect(nodeId(value)).toBe(value);
  });

  it.each([0, -1, 1.5, 0x1_0000_0000, Number.NaN])("refuses %d", (value) => {
    expect(() => nodeId(value)).toThrow(RangeError);
  });
});

describe.each([
  { name: "term", brand: term },
  { name: "log index", brand: logIndex },
])("$name", ({ name, brand }) => {
  it.each([0, 1, Number.MAX_SAFE_INTEGER])("takes %d", (value) => {
    expect(brand(value)).toBe(value);
  });

  it.each([-1, 0.5, Number.MAX_SAFE_INTEGER + 1, Number.NaN])("refuses %d", (value) => {
    expect(() => brand(value)).toThrow(`${name} must be an integer from 0 to 2^53 - 1`);
  });
});

describe("compareLogIds", () => {
  const position = (t: number, i: number) => ({ term: term(t), index: logIndex(i) });

  it.each([
    { name: "a later term beats a longer log", a: position(3, 1), b: position(2, 9), sign: 1 },
    { name: "a longer log wins within a term", a: position(2, 3), b: position(2, 9), sign: -1 },
    { name: "equal positions are equal", a: position(2, 3), b: position(2, 3), sign: 0 },
    { name: "everything beats the origin", a: position(1, 1), b: LOG_ORIGIN, sign: 1 },
  ])("$name (§5.4.1)", ({ a, b, sign }) => {
    expect(Math.sign(compareLogIds(a, b))).toBe(sign);
    expect(Math.sign(compareLogIds(b, a))).toBe(0 - sign);
  });
});
