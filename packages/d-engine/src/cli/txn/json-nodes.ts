import { scriptError } from "./script.js";

/** A JSON value that knows the line which it begins in, so that whatever is wrong can be found. */
export type JsonNode = { readonly line: number } & (
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, JsonNode> }
  | { readonly kind: "array"; readonly items: readonly JsonNode[] }
  | { readonly kind: "scalar"; readonly value: string | number | boolean | null }
);

const token =
  /\s*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|(\S))/uy;
const depthMax = 64;

/** @throws EngineError `INVALID_REQUEST` naming the line that is no JSON */
export function readJsonNodes(text: string): JsonNode {
  const reader = new JsonReader(text);
  const node = reader.value(0);
  reader.end();
  return node;
}

type Token = { readonly line: number; readonly text: string; readonly kind: "mark" | "scalar" };

class JsonReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #next: Token | undefined;

  constructor(text: string) {
    this.#text = text;
    this.#next = this.#read();
  }

  value(depth: number): JsonNode {
    const { line, text, kind } = this.#take("a value");
    if (depth > depthMax) throw scriptError(line, `nested more than ${depthMax} deep`);
    if (kind === "scalar") return { line, kind, value: JSON.parse(text) };
    if (text === "[") return { line, kind: "array", items: this.#items(depth) };
    if (text === "{") return { line, kind: "object", members: this.#members(depth) };
    throw scriptError(line, `a value was expected, got ${text}`);
  }

  end(): void {
    if (this.#next === undefined) return;
    throw scriptError(this.#next.line, `more after the end of the transaction: ${this.#next.text}`);
  }

  #items(depth: number): JsonNode[] {
    const items: JsonNode[] = [];
    if (this.#skip("]")) return items;
    do items.push(this.value(depth + 1));
    while (this.#skip(","));
    this.#expect("]", "a comma or ]");
    return items;
  }

  #members(depth: number): Map<string, JsonNode> {
    const members = new Map<string, JsonNode>();
    if (this.#skip("}")) return members;
    do {
      const { line, text, kind } = this.#take("a name");
      if (kind !== "scalar" || !text.startsWith('"')) {
        throw scriptError(line, `a name in quotes was expected, got ${text}`);
      }
      const name: string = JSON.parse(text);
      if (members.has(name)) throw scriptError(line, `${name} stands here twice`);
      this.#expect(":", `a colon after ${text}`);
      members.set(name, this.value(depth + 1));
    } while (this.#skip(","));
    this.#expect("}", "a comma or }");
    return members;
  }

  #skip(mark: string): boolean {
    if (this.#next?.kind !== "mark" || this.#next.text !== mark) return false;
    this.#take(mark);
    return true;
  }

  #expect(mark: string, what: string): void {
    const { line, text } = this.#take(what);
    if (text !== mark) throw scriptError(line, `${what} was expected, got ${text}`);
  }

  #take(what: string): Token {
    const taken = this.#next;
    if (taken === undefined) throw scriptError(this.#line, `it ends where ${what} was expected`);
    this.#next = this.#read();
    return taken;
  }

  #read(): Token | undefined {
    token.lastIndex = this.#at;
    const match = token.exec(this.#text);
    if (match === null) return undefined;
    const [whole, mark, scalar, other] = match;
    const text = mark ?? scalar ?? other ?? "";
    this.#line += whole.split("\n").length - 1;
    this.#at = token.lastIndex;
    if (other !== undefined) throw scriptError(this.#line, `${this.#rest(other)} is no JSON`);
    return { line: this.#line, text, kind: mark === undefined ? "scalar" : "mark" };
  }

  #rest(first: string): string {
    const [rest = ""] = this.#text.slice(this.#at).split("\n", 1);
    return `${first}${rest}`.slice(0, 20);
  }
}
