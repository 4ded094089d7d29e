import { stringify } from "smol-toml";

/** `key = value` as TOML, for values of settings. */
export function tomlLine(key: string, value: unknown): string {
  return `${key} = ${tomlValue(value)}`;
}

function tomlValue(value: unknown): string {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const members = Object.entries(value).map(
      ([id, address]) => `{ id = ${id}, address = ${tomlValue(address)} }`,
    );
    return `[${members.join(", ")}]`;
  }
  return stringify({ value })
    .trim()
    .replace(/^value = /, "");
}
