import { WIRE_ERRORS } from "@d-engine/client";
import { ENGINE_ERRORS, type EngineErrorCode } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { readText } from "./tidy/checkout.js";

interface Row {
  readonly outcome: string;
  readonly retry: string;
  readonly wire: string;
  readonly status: string;
  readonly meaning: string;
}

const rows = new Map(
  readText("docs/errors.md")
    .split("\n")
    .flatMap((line) => {
      const cells = line.split("|").map((cell) => cell.trim());
      const code = /^`([A-Z_]+)`$/.exec(cells[1] ?? "")?.[1];
      if (code === undefined) return [];
      const [outcome, retry, wire, status, meaning] = cells.slice(2);
      return [[code, { outcome, retry, wire, status, meaning } as Row]];
    }),
);

describe("docs/errors.md", () => {
  it("has a line for each code and for nothing else", () => {
    expect([...rows.keys()].sort()).toEqual(Object.keys(ENGINE_ERRORS).sort());
  });

  it.each(Object.keys(ENGINE_ERRORS) as EngineErrorCode[])(
    "says of %s what the code does",
    (code) => {
      const { meaning, ...row } = rows.get(code)!;
      const { number, status } = WIRE_ERRORS[code];
      expect(row).toEqual({ ...ENGINE_ERRORS[code], wire: String(number ?? "–"), status });
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    },
  );
});
