import { describe, expect, it } from "vitest";
import { ENGINE_ERRORS, EngineError, type EngineErrorCode, isEngineError } from "./errors.js";
import { nodeId } from "./ids.js";

describe("EngineError", () => {
  it.each(Object.keys(ENGINE_ERRORS) as EngineErrorCode[])(
    "%s has the outcome of its code",
    (code) => {
      const error = new EngineError(code, "what, where and which bound");
      expect(error).toMatchObject({
        name: "EngineError",
        code,
        outcome: ENGINE_ERRORS[code].outcome,
      });
      expect(isEngineError(error, code)).toBe(true);
    },
  );

  it("calls unknown exactly what may still take effect", () => {
    const unknown = Object.entries(ENGINE_ERRORS).filter(([, e]) => e.outcome === "unknown");
    expect(unknown.map(([code]) => code).sort()).toEqual([
      "INVALID_RESPONSE",
      "OUTCOME_UNKNOWN",
      "STORAGE_IO_ERROR",
    ]);
  });

  it("carries cause, leader, delay and an outcome that its maker knows better", () => {
    const cause = new Error("below");
    const leader = { leaderId: nodeId(2), address: "b:1" };
    const options = { cause, leader, retryAfterMs: 5, outcome: "rejected" } as const;
    expect(new EngineError("OUTCOME_UNKNOWN", "m", options)).toMatchObject(options);
  });

  it("has no cause when none was given", () => {
    expect("cause" in new EngineError("CLOSED", "m")).toBe(false);
  });
});

describe("isEngineError", () => {
  it("knows errors of another copy of the package by name and code", () => {
    const foreign = Object.assign(new Error("m"), { name: "EngineError", code: "NOT_LEADER" });
    expect(isEngineError(foreign)).toBe(true);
    expect(isEngineError(foreign, "NOT_LEADER")).toBe(true);
    expect(isEngineError(foreign, "CLOSED")).toBe(false);
  });

  it.each([
    { name: "another error", value: new Error("m") },
    { name: "an error with a code of its own", value: Object.assign(new Error(), { code: "EIO" }) },
    { name: "a plain object", value: { name: "EngineError", code: "CLOSED" } },
    { name: "nothing", value: undefined },
  ])("says no to $name", ({ value }) => {
    expect(isEngineError(value)).toBe(false);
  });
});
