/** One import or re-export; `line` counts from 1. */
export interface ImportStatement {
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** A TypeScript or JavaScript file, taken apart once for all rules. */
export interface SourceFile {
  /** Relative to the root of the checkout, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /** `text` with comments and the contents of strings blanked: same length, same lines. */
  readonly code: string;
  /** `text` with everything but comments blanked: same length, same lines. */
  readonly comments: string;
  readonly imports: readonly ImportStatement[];
}

/** What a rule found. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export function sourceFile(path: string, text: string): SourceFile {
  const { code, comments } = separate(text);
  return { path, text, code, comments, imports: importsOf(text, code) };
}

export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
  }
  return line;
}

/** Reports every match of `pattern` (flag `g`) in one view of a file. */
export function matches(
  file: SourceFile,
  view: "code" | "comments",
  pattern: RegExp,
  message: (found: string) => string,
): Violation[] {
  return [...file[view].matchAll(pattern)].map((match) => ({
    path: file.path,
    line: lineAt(file.text, match.index),
    message: message(match[0].trim()),
  }));
}

const importPatterns = [
  // import x from "y"; import "y"; export { x } from "y"; export * from "y"
  /(?<=^|[\n;}])\s*(?:import|export)\b(\s+type\b)?(?:[\w*{}\s,$]*?\bfrom)?\s*(["'])[ ]*\2/g,
  // import("y"), also as a type; new URL("y", import.meta.url)
  /\b(?:import|new URL)()\(\s*(["'])[ ]*\2(?=\s*[,)])/g,
];

function importsOf(text: string, code: string): ImportStatement[] {
  return importPatterns.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const end = match.index + match[0].length - 1;
      const start = code.lastIndexOf(match[2]!, end - 1) + 1;
      const specifier = text.slice(start, end);
      return {
        specifier,
        typeOnly: match[1] !== undefined && match[1] !== "",
        line: lineAt(text, end),
      };
    }),
  );
}

type Region = "code" | "comment" | "string";

/**
 * Splits a text into its code and its comments. Knows strings, template literals (whose `${}` is
 * code again) and regular expressions; that suffices for formatted sources, and a mistake shows
 * as a false finding, not as a silent one.
 */
function separate(text: string): { code: string; comments: string } {
  const code: string[] = [];
  const comments: string[] = [];
  const emit = (from: number, to: number, region: Region) => {
    const slice = text.slice(from, to);
    const blank = slice.replace(/[^\n]/g, " ");
    code.push(region === "code" ? slice : blank);
    comments.push(region === "comment" ? slice : blank);
  };
  const templateDepths: number[] = []; // brace depth at which each open `${` ends
  let depth = 0;
  let at = 0;
  while (at < text.length) {
    const start = at;
    const char = text[at]!;
    if (text.startsWith("//", at)) {
      at = endOf(text.indexOf("\n", at), text);
      emit(start, at, "comment");
    } else if (text.startsWith("/*", at)) {
      at = endOf(text.indexOf("*/", at + 2), text, 2);
      emit(start, at, "comment");
    } else if (char === '"' || char === "'" || (char === "/" && startsRegExp(code))) {
      at = closingQuote(text, at + 1, char);
      emit(start, start + 1, "code");
      emit(start + 1, at, "string");
      emit(at, ++at, "code");
    } else if (char === "`" || (char === "}" && templateDepths.at(-1) === depth)) {
      if (char === "}") templateDepths.pop();
      at = closingQuote(text, at + 1, "`");
      const opens = text.startsWith("${", at);
      if (opens) templateDepths.push(depth);
      emit(start, start + 1, "code");
      emit(start + 1, at, "string");
      at += opens ? 2 : 1;
      emit(opens ? at - 2 : at - 1, at, "code");
    } else {
      if (char === "{") depth += 1;
      if (char === "}") depth -= 1;
      emit(start, ++at, "code");
    }
  }
  return { code: code.join(""), comments: comments.join("") };
}

function endOf(found: number, text: string, length = 0): number {
  return found === -1 ? text.length : found + length;
}

/** The offset of the quote that ends a literal, or of the `${` that interrupts a template. */
function closingQuote(text: string, from: number, quote: string): number {
  let inClass = false; // a slash within [ ] does not end a regular expression
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (char === "\\") at += 1;
    else if (quote === "/" && char === "[") inClass = true;
    else if (quote === "/" && char === "]") inClass = false;
    else if (char === quote && !inClass) return at;
    else if (quote === "`" && text.startsWith("${", at)) return at;
    else if (char === "\n" && quote !== "`") return at; // not a literal after all
  }
  return text.length;
}

/** A slash divides after a value and begins a regular expression after anything else. */
function startsRegExp(code: readonly string[]): boolean {
  const before = code.slice(-200).join("").trimEnd();
  return before === "" || /[(,=:[!&|?{};+\-*%<>~^]$|\b(?:return|typeof|case|of|in)$/.test(before);
}
