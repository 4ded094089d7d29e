import { resolveSettings } from "@d-engine/server";
import { oneLine } from "./config-error.js";
import { mergedValues, type PlacedValues } from "./resolve-config.js";
import { type ConfigSetting, SETTINGS } from "./schema.js";
import { tomlLine } from "./toml-text.js";

/** A setting with what is in force for it. */
export interface EffectiveSetting {
  readonly setting: ConfigSetting;
  /** `undefined` when it has none; for a secret, whether there is one is all that is told. */
  readonly value: unknown;
  /** Where it comes from, for people. */
  readonly source: string;
}

/** What a node runs with, setting by setting, in the order of the schema. */
export function effectiveSettings(values: PlacedValues): EffectiveSetting[] {
  const merged = mergedValues(values);
  const { electionTimeoutMs, clockDriftMax } = merged;
  const { leaseDurationMs } = resolveSettings({
    electionTimeoutMs,
    clockDriftMax,
    heartbeatIntervalMs: 1,
  }).raft;
  return SETTINGS.map((setting) => {
    const placed = values.get(setting.name);
    if (placed === undefined) {
      if (setting.name !== "leaseDurationMs") {
        return { setting, value: merged[setting.name], source: "default" };
      }
      const follows = values.has("electionTimeoutMs") || values.has("clockDriftMax");
      const source = follows ? "follows election_timeout_ms" : "default";
      return { setting, value: leaseDurationMs, source };
    }
    const source = placed.origin === "file" ? placed.source : `${placed.source}, ${placed.key}`;
    return { setting, value: setting.secret ? "(not shown)" : placed.value, source };
  });
}

/** A file of settings that has the same effect, but for secrets, with where each value comes from. */
export function printedToml(settings: readonly EffectiveSetting[]): string {
  return bySection(settings, ({ setting, value, source }) => {
    if (value === undefined) return [`# ${setting.key} is not set`];
    if (setting.secret) {
      return [
        `# ${setting.key} is ${source === "default" ? "not set" : `set, not shown  (${source})`}`,
      ];
    }
    return [`${tomlLine(setting.key, value)}  # ${oneLine(source)}`];
  });
}

/** The same for programs, by key. */
export function printedJson(settings: readonly EffectiveSetting[]): object {
  return Object.fromEntries(
    settings.map(({ setting, value, source }) => [setting.path, { value: value ?? null, source }]),
  );
}

/** Lines under the headings of their sections. */
export function bySection<T extends { readonly setting: ConfigSetting }>(
  settings: readonly T[],
  linesOf: (one: T) => readonly string[],
): string {
  const sections = [...new Set(settings.map(({ setting }) => setting.section))];
  return sections
    .map((section) => {
      const own = settings.filter(({ setting }) => setting.section === section);
      return [`[${section}]`, ...own.flatMap(linesOf), ""].join("\n");
    })
    .join("\n");
}
