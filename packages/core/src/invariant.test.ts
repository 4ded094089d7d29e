import { describe, expect, it } from "vitest";
import { assertNever, InvariantViolation, invariant } from "./invariant.js";

describe("invariant", () => {
  it("passes what holds, without making the message", () => {
    invariant(true, () => {
      throw new Error("made a message that nobody needs");
    });
  });

  it.each(["plain", () => "made"])("throws InvariantViolation for what does not", (message) => {
    expect(() => invariant(false, message)).toThrow(InvariantViolation);
    expect(() => invariant(false, message)).toThrow(/plain|made/);
  });
});

describe("assertNever", () => {
  it("shows the foreign value", () => {
    expect(() => assertNever({ kind: "new" } as never)).toThrow('{"kind":"new"}');
  });
});
