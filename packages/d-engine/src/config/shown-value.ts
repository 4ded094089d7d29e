import type { ConfigSetting } from "./schema.js";

const shownMax = 80;

/** A value as messages show it; never a secret, never long, never deep. */
export function shownValue(setting: ConfigSetting, raw: unknown): string {
  if (setting.secret) return "(not shown)";
  const text = plainly(raw);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

function plainly(raw: unknown): string {
  switch (typeof raw) {
    case "string":
      return JSON.stringify(raw.slice(0, shownMax + 1));
    case "object":
      if (raw === null) return "null";
      if (raw instanceof Date) return "a date";
      return Array.isArray(raw) ? `a list of ${raw.length}` : "a table";
    case "function":
    case "symbol":
      return `a ${typeof raw}`;
    default:
      return String(raw);
  }
}
