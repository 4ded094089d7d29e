import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MUTATIONS } from "./mutate/mutations.mjs";

const root = join(import.meta.dirname, "..");

describe("the list of deliberate bugs", () => {
  it("holds at least 25, each with a name of its own", () => {
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  });

  it.each(MUTATIONS)("fits the sources: $name", ({ file, find, replace }) => {
    const source = readFileSync(join(root, file), "utf8");
    expect(source.split(find)).toHaveLength(2);
    expect(replace).not.toBe(find);
  });
});
