import { bySection } from "./print-config.js";
import { configDemandOf } from "./read-value.js";
import { type ConfigSetting, SETTINGS } from "./schema.js";
import { tomlLine } from "./toml-text.js";

/** A file with every setting and its default in comments: what is changed is uncommented. */
export function defaultsToml(): string {
  return bySection(
    SETTINGS.map((setting) => ({ setting })),
    ({ setting }) => [
      "",
      `# ${setting.description}.`,
      `# ${demandWithUnit(setting)}`,
      setting.usual === undefined
        ? `# ${setting.key} =`
        : `# ${tomlLine(setting.key, setting.usual)}`,
    ],
  );
}

/** Everything that is known of each setting, for programs. */
export function defaultsJson(): object[] {
  return SETTINGS.map((setting) => ({
    name: setting.name,
    key: setting.path,
    flag: setting.flag,
    variable: setting.variable,
    default: setting.usual ?? null,
    mustBe: configDemandOf(setting.rule),
    description: setting.description,
    upstream: setting.upstream,
    secret: setting.secret,
  }));
}

export function demandWithUnit({ rule }: ConfigSetting): string {
  const demand = configDemandOf(rule);
  return `${demand[0]!.toUpperCase()}${demand.slice(1)}.`;
}
