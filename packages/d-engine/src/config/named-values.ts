import type { ConfigOrigin } from "./config-error.js";
import type { Given } from "./given.js";
import { settingNamed } from "./schema.js";

/** The flags of a command line; members that are no settings are its other options. */
export function readFlags(options: Readonly<Record<string, unknown>>): Given[] {
  return Object.entries(options).flatMap(([name, raw]) => {
    const setting = settingNamed(name);
    return setting === undefined ? [] : named(name, raw, "commandLine", setting.flag);
  });
}

/** The options of a program; one that is no setting is reported. */
export function readOptions(options: Readonly<Record<string, unknown>>): Given[] {
  return Object.entries(options).flatMap(([name, raw]) => named(name, raw, "option", name));
}

function named(name: string, raw: unknown, origin: ConfigOrigin, key: string): Given[] {
  if (raw === undefined) return [];
  const setting = settingNamed(name);
  const meaning =
    setting === undefined ? ({ kind: "unknown" } as const) : { kind: "setting" as const, setting };
  const source = origin === "commandLine" ? "command line" : "option";
  return [{ key, path: name, raw, text: origin === "commandLine", origin, source, meaning }];
}
