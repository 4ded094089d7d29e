import { parseEndpoints, parseHostPort } from "@d-engine/client";
import { demandOf, problemOf, type SettingRule } from "@d-engine/server";
import { nearest } from "./nearest.js";
import { readMembers } from "./read-members.js";
import type { ConfigRule } from "./schema.js";

/** A value that was read, or what is wrong with it. */
export type Reading =
  | { readonly value: unknown }
  | { readonly problem: string; readonly fix: string };

/**
 * Reads a value as it was given. `text` says that its source knows nothing but text, as the
 * environment and command lines do; a file and a program have numbers and truth values. `words` are
 * other names of values, as of d-engine for Rust.
 */
export function readValue(
  rule: ConfigRule,
  raw: unknown,
  text: boolean,
  words?: Readonly<Record<string, string>>,
): Reading {
  if (words !== undefined) return readWord(raw, words);
  switch (rule.kind) {
    case "path":
      return readPath(raw);
    case "address":
      return readAddress(raw, rule.portMin);
    case "addresses":
      return readAddresses(raw);
    case "members":
      return readMembers(raw);
    default:
      return readSingle(rule, raw, text);
  }
}

/** What a rule demands, to go behind "must be". */
export function configDemandOf(rule: ConfigRule): string {
  switch (rule.kind) {
    case "path":
      return "a path";
    case "address":
      return rule.portMin === 0 ? "host:port; port 0 lets the system choose" : "host:port";
    case "addresses":
      return "a list of host:port";
    case "members":
      return "a list of id and host:port";
    default:
      return demandOf(rule);
  }
}

function readWord(raw: unknown, words: Readonly<Record<string, string>>): Reading {
  if (typeof raw === "string" && Object.hasOwn(words, raw)) return { value: words[raw] };
  const names = Object.keys(words);
  const near = typeof raw === "string" ? nearest(raw, names) : undefined;
  const fix = near === undefined ? "set one of these" : `did you mean ${near}?`;
  return { problem: `must be one of ${names.join(", ")}`, fix };
}

function readSingle(rule: SettingRule, raw: unknown, text: boolean): Reading {
  const value = text && typeof raw === "string" ? fromText(rule, raw) : fromTyped(rule, raw);
  if (problemOf(rule, value) === undefined) return { value };
  return { problem: `must be ${demandOf(rule)}`, fix: fixOf(rule, raw, value) };
}

const numeral = /^[+-]?\d(?:_?\d)*(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function fromText(rule: SettingRule, raw: string): unknown {
  const trimmed = raw.trim();
  switch (rule.kind) {
    case "text":
      return raw;
    case "choice":
      if (rule.choices.includes(true)) return ({ true: true, false: false } as const)[trimmed];
      return fromTyped(rule, trimmed);
    default:
      return numeral.test(trimmed) ? Number(trimmed.replaceAll("_", "")) : undefined;
  }
}

/** Integers that a number cannot hold come as bigint: out of every bound, and told so. */
function fromTyped(rule: SettingRule, raw: unknown): unknown {
  if (typeof raw === "bigint") return Number(raw);
  if (rule.kind !== "choice" || typeof raw !== "string") return raw;
  return rule.choices.find((choice) => typeof choice === "string" && plain(choice) === plain(raw));
}

/** `read-only`, `read_only` and `readOnly` are the same word in three tongues. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}

function fixOf(rule: SettingRule, raw: unknown, value: unknown): string {
  switch (rule.kind) {
    case "text":
      return "write it in quotes";
    case "choice": {
      if (typeof raw === "string" && rule.choices.some((choice) => String(choice) === raw)) {
        return "write it without quotes";
      }
      const near = typeof raw === "string" && nearest(raw, rule.choices.map(String));
      return near ? `did you mean ${near}?` : "set one of these";
    }
    default: {
      const { kind, min, max, step = 1 } = rule;
      if (typeof raw === "string" && typeof value !== "number" && numeral.test(raw)) {
        return "write it without quotes";
      }
      if (typeof value !== "number" || Number.isNaN(value)) return "set a number";
      if (value < min) return `set at least ${min}`;
      if (value > max) return `set at most ${max}`;
      return kind === "integer" ? `set ${Math.ceil(value / step) * step}` : "set a number";
    }
  }
}

function readPath(raw: unknown): Reading {
  if (typeof raw === "string" && raw !== "" && !raw.includes("\0")) return { value: raw };
  return { problem: "must be a path", fix: "name a directory" };
}

function readAddress(raw: unknown, portMin: 0 | 1): Reading {
  try {
    return { value: parseHostPort(raw as string, { portMin }).text };
  } catch {
    // The text of that error names the value again; what is wanted is said here.
    const ports = `a port from ${portMin} to 65535`;
    return { problem: `must be host:port with ${ports}`, fix: "as in 127.0.0.1:9081" };
  }
}

function readAddresses(raw: unknown): Reading {
  const list = typeof raw === "string" ? raw.split(",") : raw;
  const fix = 'as in ["10.0.0.1:9081", "10.0.0.2:9081"], or these in one text with commas';
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) {
    return { problem: "must be a list of host:port", fix };
  }
  try {
    return { value: parseEndpoints(list.map((one: string) => one.trim())) };
  } catch (error) {
    return { problem: `must be a list of host:port; ${(error as Error).message}`, fix };
  }
}
