import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { applyMutation, type Mutation } from "./mutation.js";
import { MUTATIONS } from "./mutations.js";

const root = join(import.meta.dirname, "..", "..");

describe.each(MUTATIONS)("the mutation $name", (mutation) => {
  it("finds its text exactly once in the present tree", () => {
    const source = readFileSync(join(root, mutation.file), "utf8");
    expect(applyMutation(source, mutation)).not.toBe(source);
  });

  it.each(mutation.tests)("names tests that exist: %s", (path) => {
    const names = readdirSync(join(root, dirname(path)));
    expect(names.some((name) => name.startsWith(basename(path)))).toBe(true);
  });
});

describe("the mutations", () => {
  it("are at least 25, each with a name of its own", () => {
    const names = new Set(MUTATIONS.map(({ name }) => name));
    expect(names.size).toBe(MUTATIONS.length);
    expect(names.size).toBeGreaterThanOrEqual(25);
  });
});

describe("applyMutation", () => {
  const mutation: Mutation = {
    name: "m",
    breaks: "R1",
    file: "a.ts",
    find: "a < b",
    replace: "$& || a",
    tests: ["a.test.ts"],
  };

  it("replaces the text by itself, without patterns", () => {
    expect(applyMutation("if (a < b) return;", mutation)).toBe("if ($& || a) return;");
  });

  it.each([
    { name: "is gone", source: "if (b > a) return;", times: 0 },
    { name: "stands there twice", source: "a < b && a < b", times: 2 },
  ])("throws when the text $name", ({ source, times }) => {
    expect(() => applyMutation(source, mutation)).toThrow(`stands ${times} times in a.ts`);
  });
});
