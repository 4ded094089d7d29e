/** Where the keys of a TOML document are written. */
export interface KeyLines {
  /** The line, from 1, of a key or of the nearest table around it that has one. */
  lineOf(path: readonly string[]): number | undefined;
}

/** Deeper keys are not looked for. */
const depthMax = 16;

/**
 * Finds the lines of the keys of a document. It reads what starts lines, and of values only as
 * much as tells where they end: on a document that is no TOML it finds something or nothing.
 */
export function keyLines(text: string): KeyLines {
  const found = new Map<string, number>();
  const scan = new ValueScan();
  let section: readonly string[] = [];
  for (const [at, line] of text.split("\n").entries()) {
    if (scan.within) {
      scan.read(line);
      continue;
    }
    const header = /^\s*\[\[?/.exec(line);
    const { parts, end } = readKey(line, header?.[0].length ?? 0);
    const path = header === null ? [...section, ...parts] : parts;
    if (header !== null) section = parts;
    else if (line[end] === "=") scan.read(line.slice(end + 1));
    else continue;
    note(found, path, at + 1);
  }
  return {
    lineOf: (path) => {
      for (let length = Math.min(path.length, depthMax); length > 0; length--) {
        const line = found.get(keyText(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return undefined;
    },
  };
}

/** A key as people write it: parts with dots, in quotes where they are not plain. */
export function keyText(path: readonly string[]): string {
  return path.map((part) => (/^[\w-]+$/.test(part) ? part : JSON.stringify(part))).join(".");
}

function note(found: Map<string, number>, path: readonly string[], line: number): void {
  for (let length = 1; length <= Math.min(path.length, depthMax); length++) {
    const key = keyText(path.slice(0, length));
    if (!found.has(key)) found.set(key, line);
  }
}

const keyPart = /\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w-]+))\s*/y;

/** A key with its dots, from `start` on, and where it ends. */
function readKey(line: string, start: number): { parts: string[]; end: number } {
  const parts: string[] = [];
  let end = start;
  for (;;) {
    keyPart.lastIndex = end;
    const match = keyPart.exec(line);
    if (match === null) return { parts, end };
    parts.push(match[1] ?? match[2] ?? match[3] ?? "");
    end = keyPart.lastIndex;
    if (line[end] !== "." || parts.length >= depthMax) return { parts, end };
    end++;
  }
}

const token = /"""|'''|"(?:[^"\\]|\\.)*"|'[^']*'|#.*|[[\]{}]/g;

/** Whether a value goes on in the next line: an open bracket, or a text of several lines. */
class ValueScan {
  #depth = 0;
  #closes: string | undefined;

  get within(): boolean {
    return this.#closes !== undefined || this.#depth > 0;
  }

  read(line: string): void {
    let at = 0;
    while (at < line.length) {
      at = this.#closes === undefined ? this.#readToken(line, at) : this.#readText(line, at);
    }
  }

  #readToken(line: string, from: number): number {
    token.lastIndex = from;
    const found = token.exec(line)?.[0];
    if (found === undefined) return line.length;
    if (found === "[" || found === "{") this.#depth++;
    else if (found === "]" || found === "}") this.#depth--;
    else if (found === '"""' || found === "'''") this.#closes = found;
    return token.lastIndex;
  }

  #readText(line: string, from: number): number {
    const end = this.#closes === '"""' ? basicEnd : literalEnd;
    end.lastIndex = from;
    if (end.exec(line) === null) return line.length;
    this.#closes = undefined;
    return end.lastIndex;
  }
}

// Up to two quotes more than the closing three belong to the text.
const basicEnd = /(?:[^"\\]|\\.|"{1,2}(?!"))*?"{3,5}/y;
const literalEnd = /'{3,5}/g;
