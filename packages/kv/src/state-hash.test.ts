import { describe, expect, it } from "vitest";
import { cas, del, machineWith, put } from "../test/commands.js";

describe("stateHash", () => {
  it("is the same for the same state, on every machine and in every version", () => {
    const commands = [put("a", "1"), put("b", "\xff\0"), del("a"), cas("c", undefined, "")];
    expect(machineWith(...commands).stateHash()).toBe(machineWith(...commands).stateHash());
    expect(machineWith(...commands).stateHash()).toBe("3df28db9b38f6365");
  });

  it.each([
    { name: "a value", one: [put("a", "1")], other: [put("a", "2")] },
    { name: "a key", one: [put("a", "1")], other: [put("b", "1")] },
    { name: "where the key ends", one: [put("ab", "c")], other: [put("a", "bc")] },
    { name: "an empty value", one: [], other: [put("a", "")] },
    { name: "zero bytes", one: [put("a", "\0")], other: [put("a", "\0\0")] },
    { name: "the store revision alone", one: [], other: [put("a", ""), del("a")] },
    {
      name: "the order of writes",
      one: [put("a", ""), put("b", "")],
      other: [put("b", ""), put("a", "")],
    },
    {
      name: "a create revision and version",
      one: [put("a", ""), put("a", ""), put("a", "")],
      other: [put("a", ""), del("a"), put("a", "")],
    },
  ])("differs by $name", ({ one, other }) => {
    expect(machineWith(...one).stateHash()).not.toBe(machineWith(...other).stateHash());
  });
});
