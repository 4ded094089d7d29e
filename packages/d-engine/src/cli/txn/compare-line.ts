import type { TxnCondition } from "@d-engine/client";
import { scriptError } from "./script.js";
import { wordsOf } from "./words.js";

const form =
  /^([a-z]+)\s*\(\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s"')]+)\s*\)\s*(?:(!=|=|<|>)\s*(.+))?$/;
const tests = { "=": "equal", "!=": "notEqual", "<": "less", ">": "greater" } as const;
const numbers = {
  version: "version",
  create: "createRevision",
  mod: "modRevision",
  lease: "lease",
} as const;

const shown = 'value("key") = "x", mod("key") > 5, exists("key")';

/** One comparison, as `value("key") = "x"`. */
export function compareOfLine(text: string, line: number): TxnCondition {
  const match = form.exec(text.trim());
  if (match === null) throw scriptError(line, `no comparison; they look like ${shown}`);
  const [, target = "", quotedKey = "", sign, quotedOperand] = match;
  const key = wordsOf(quotedKey, line)[0] ?? "";
  if (target === "exists" || target === "missing") {
    if (sign === undefined) return { key, exists: target === "exists" };
    throw scriptError(line, `${target}(…) is compared with nothing`);
  }
  if (sign === undefined || quotedOperand === undefined) {
    throw scriptError(line, `${target}(…) must be compared by =, !=, < or >`);
  }
  const test = tests[sign as keyof typeof tests];
  const operand = onlyWord(quotedOperand, line);
  if (target === "value") return { key, value: { [test]: operand } as { equal: string } };
  const name = numbers[target as keyof typeof numbers];
  if (name !== undefined) {
    const number = { [test]: numberOf(operand, line) } as { equal: number };
    return { key, [name]: number } as unknown as TxnCondition;
  }
  const known = `value, ${Object.keys(numbers).join(", ")}, exists, missing`;
  throw scriptError(line, `cannot compare ${target}; there are ${known}`);
}

function onlyWord(text: string, line: number): string {
  const words = wordsOf(text, line);
  if (words.length === 1) return words[0] ?? "";
  throw scriptError(line, `one value is compared with, got ${words.length}; quote it`);
}

function numberOf(text: string, line: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw scriptError(line, `a whole number is compared with, got ${JSON.stringify(text)}`);
}
