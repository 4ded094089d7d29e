import { describe, expect, it } from "vitest";
import { recipePrefix } from "./recipe-keys.js";

describe("recipePrefix", () => {
  it.each([
    { name: "invoices", prefix: "_coordination/lock/invoices/" },
    { name: "a/b", prefix: "_coordination/lock/a%2Fb/" },
    { name: "ä %", prefix: "_coordination/lock/%C3%A4%20%25/" },
  ])("is readable and has no further slash: $name", ({ name, prefix }) => {
    expect(recipePrefix("lock", name)).toBe(prefix);
  });

  it("is for no two names the beginning of one another", () => {
    const prefixes = ["a", "a/", "a/b", "ab", "a%2F"].map((name) => recipePrefix("lock", name));
    for (const one of prefixes) {
      expect(prefixes.filter((other) => other.startsWith(one))).toEqual([one]);
    }
  });

  it.each([
    { name: "", what: "needs a name that is a string, got an empty one" },
    { name: 7 as unknown as string, what: "needs a name that is a string, got number" },
    { name: "x".repeat(401), what: "takes 401 bytes as part of a key, at most 400" },
    { name: "\ud800", what: "holds half of a surrogate pair" },
  ])("refuses a name that is none: $what", ({ name, what }) => {
    expect(() => recipePrefix("lock", name)).toThrow(what);
  });
});
