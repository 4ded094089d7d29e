import { compareOfLine } from "./compare-line.js";
import { type ScriptPart, scriptError } from "./script.js";
import { stepOfLine } from "./step-line.js";

const sections = ["if", "then", "else"] as const;

/**
 * The script that etcdctl's txn takes: comparisons, an empty line, steps for when all of them hold,
 * an empty line, steps for when not. Lines that begin with `#` say nothing.
 */
export function readTextScript(text: string): ScriptPart[] {
  const parts: ScriptPart[] = [];
  let at = 0;
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const content = written.trim();
    if (content.startsWith("#")) continue;
    if (content === "") at += 1;
    else parts.push(partOf(content, line, sections[at]));
  }
  return parts;
}

function partOf(text: string, line: number, part: (typeof sections)[number] | undefined) {
  switch (part) {
    case "if":
      return { line, part, condition: compareOfLine(text, line) };
    case "then":
    case "else":
      return { line, part, step: stepOfLine(text, line) };
    default:
      throw scriptError(
        line,
        "a transaction has three parts with an empty line between: comparisons, then, else",
      );
  }
}
