import { readFileSync, statSync } from "node:fs";
import { parse, type TomlError } from "smol-toml";
import { ConfigError, type ConfigProblem } from "./config-error.js";
import { findKey, type KeyMeaning } from "./find-key.js";
import type { Given } from "./given.js";
import { type KeyLines, keyLines, keyText } from "./toml-lines.js";

/** Some hundred times what all settings take. */
const fileBytesMax = 1024 * 1024;
/** Deeper than any setting is. */
const depthMax = 6;

/**
 * Reads a file of settings. What its keys mean is found out here, what their values may be is not.
 *
 * @throws ConfigError with one problem when there is no such file, or it cannot be read as TOML
 */
export function readTomlFile(file: string): Given[] {
  return readToml(readText(file), file);
}

/** As `readTomlFile`, for a text that is `file` in messages. */
export function readToml(text: string, file: string): Given[] {
  const found: Given[] = [];
  collect(parseToml(text, file), [], { file, lines: keyLines(text), found });
  return found;
}

interface Walk {
  readonly file: string;
  readonly lines: KeyLines;
  readonly found: Given[];
}

function collect(table: object, parents: readonly string[], walk: Walk): void {
  for (const [key, raw] of Object.entries(table)) {
    const path = [...parents, key];
    const text = keyText(path);
    const meaning = findKey(text);
    if (opens(meaning, raw, path.length)) collect(raw as object, path, walk);
    else walk.found.push(givenOf(text, raw, path, meaning, walk));
  }
}

/** Whether to go on with the keys in it: of a section, or of a table that nobody knows. */
function opens(meaning: KeyMeaning, raw: unknown, depth: number): boolean {
  if (!isTable(raw) || depth >= depthMax) return false;
  if (meaning.kind === "section") return true;
  return meaning.kind === "unknown" && Object.keys(raw).length > 0;
}

function isTable(raw: unknown): raw is object {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
}

function givenOf(
  key: string,
  raw: unknown,
  path: readonly string[],
  meaning: KeyMeaning,
  { file, lines }: Walk,
): Given {
  const line = lines.lineOf(path);
  const source = line === undefined ? file : `${file}:${line}`;
  return { key, path: key, raw, text: false, origin: "file", source, meaning };
}

function parseToml(text: string, file: string): object {
  try {
    return parse(text, { integersAsBigInt: "asNeeded", maxDepth: 32 });
  } catch (error) {
    const { message, line, column } = error as TomlError;
    // The rest of the message shows the line, which may hold a secret.
    const why = message.split("\n", 1)[0]!.replace(/^Invalid TOML document: /, "");
    const at = Number.isInteger(line) ? `:${line}:${column}` : "";
    throw badFile(`${file}${at}`, `is not TOML (${why})`, "correct it");
  }
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    const stat = statSync(file);
    if (!stat.isFile()) {
      const what = stat.isDirectory() ? "is a directory" : "is no regular file";
      throw badFile(file, what, "name a file of settings in TOML");
    }
    if (stat.size > fileBytesMax) {
      const what = `is too large, ${stat.size} bytes of at most ${fileBytesMax}`;
      throw badFile(file, what, "name a file of settings in TOML");
    }
    bytes = readFileSync(file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw badFile(file, `cannot be read (${systemReason(error)})`, "name a file that can be read");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    // Bytes that are no text: what is wrong is said in full.
    throw badFile(file, "is not TOML (its bytes are not UTF-8)", "save it as UTF-8");
  }
}

function systemReason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EACCES" || code === "EPERM") return "permission denied";
  return code ?? (error as Error).message;
}

function badFile(source: string, problem: string, fix: string): ConfigError {
  const one: ConfigProblem = {
    key: "the file",
    value: undefined,
    origin: "file",
    source,
    problem,
    fix,
  };
  return new ConfigError([one]);
}
