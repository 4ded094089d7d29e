import { readJsonScript } from "./json-script.js";
import type { ScriptPart } from "./script.js";
import { readTextScript } from "./text-script.js";

/** A transaction in either of its forms: what begins with a brace is JSON. */
export function readScript(text: string): readonly ScriptPart[] {
  return text.trimStart().startsWith("{") ? readJsonScript(text) : readTextScript(text);
}
