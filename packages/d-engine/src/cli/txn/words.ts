import { scriptError } from "./script.js";

const word = /\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([^\s"']+))(?=\s|$)/y;
const escapes = /\\(?:x([0-9a-fA-F]{2})|(.))/g;
const short: Readonly<Record<string, string>> = { n: "\n", t: "\t", "\\": "\\", '"': '"' };

/**
 * The words of one line: bare ones, what stands between single quotes as it is, and between double
 * quotes with the escapes that this command line prints.
 *
 * @throws EngineError `INVALID_REQUEST` naming the line, for quotes without an end and bytes that
 *   are not text
 */
export function wordsOf(text: string, line: number): string[] {
  const words: string[] = [];
  const rest = text.trimEnd();
  word.lastIndex = 0;
  while (word.lastIndex < rest.length) {
    const at = word.lastIndex;
    const match = word.exec(rest);
    if (match === null) {
      throw scriptError(line, `cannot read ${rest.slice(at).trim()}; is a quote missing?`);
    }
    const [, double, single, bare] = match;
    words.push(double === undefined ? (single ?? bare ?? "") : unescaped(double, line));
  }
  return words;
}

function unescaped(text: string, line: number): string {
  return text.replace(escapes, (whole, hex: string | undefined, char = "") => {
    const code = hex === undefined ? undefined : Number.parseInt(hex, 16);
    const meant = code === undefined ? short[char] : asciiOf(code);
    if (meant !== undefined) return meant;
    if (code === undefined) throw scriptError(line, `there is no escape ${whole}`);
    throw scriptError(line, `${whole} is no text; the JSON form takes {"base64": "…"}`);
  });
}

function asciiOf(code: number): string | undefined {
  return code < 0x80 ? String.fromCharCode(code) : undefined;
}
