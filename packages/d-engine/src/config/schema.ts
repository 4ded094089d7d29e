import {
  ENGINE_DEFAULTS,
  ENGINE_RULES,
  type SettingName,
  type SettingRule,
} from "@d-engine/server";
import { LOG_LEVELS } from "../cli/log-levels.js";
import {
  type ConfigName,
  type ConfigValues,
  flagOf,
  OWN_KEYS,
  SECRETS,
  snakeCase,
  tableRows,
} from "./setting-table.js";
import { UPSTREAM_KEYS } from "./upstream-keys.js";

/** What a value may be: rules of single values, and those of values with parts. */
export type ConfigRule =
  | SettingRule
  | { readonly kind: "path" }
  | { readonly kind: "address"; readonly portMin: 0 | 1 }
  | { readonly kind: "addresses" }
  | { readonly kind: "members" };

/** One setting, as every source of values and every page of documentation sees it. */
export interface ConfigSetting {
  readonly name: ConfigName;
  /** Sections and key in a file: `raft.election.election_timeout_ms`. */
  readonly path: string;
  readonly section: string;
  readonly key: string;
  readonly description: string;
  readonly flag: string;
  readonly variable: string;
  /** Keys of d-engine for Rust that mean the same. */
  readonly upstream: readonly string[];
  readonly rule: ConfigRule;
  readonly usual: unknown;
  readonly secret: boolean;
}

/** Where the data is when nobody says another place. */
const DATA_DIR = "./data";

const OWN_RULES: { readonly [K in Exclude<ConfigName, SettingName>]: ConfigRule } = {
  dataDir: { kind: "path" },
  listen: { kind: "address", portMin: 0 },
  advertise: { kind: "address", portMin: 1 },
  adminListen: { kind: "address", portMin: 0 },
  initialCluster: { kind: "members" },
  join: { kind: "addresses" },
  logLevel: { kind: "choice", choices: LOG_LEVELS },
};

/** What a node that is told nothing runs with. */
export const CONFIG_DEFAULTS: ConfigValues = Object.freeze({
  ...ENGINE_DEFAULTS,
  dataDir: DATA_DIR,
  listen: undefined,
  advertise: undefined,
  adminListen: undefined,
  logLevel: undefined,
});

const rules: { readonly [K in ConfigName]: ConfigRule } = { ...ENGINE_RULES, ...OWN_RULES };

/** Every setting, in the order of the documentation. */
export const SETTINGS: readonly ConfigSetting[] = tableRows().map(
  ({ name, section, description }) => {
    const key = OWN_KEYS[name] ?? snakeCase(name);
    const path = `${section}.${key}`;
    return {
      name,
      path,
      section,
      key,
      description,
      flag: flagOf(name),
      variable: `D_ENGINE__${path.toUpperCase().replaceAll(".", "__")}`,
      upstream: Object.keys(UPSTREAM_KEYS).filter((other) => UPSTREAM_KEYS[other]?.name === name),
      rule: rules[name],
      usual: CONFIG_DEFAULTS[name],
      secret: SECRETS.has(name),
    };
  },
);

const byName = new Map(SETTINGS.map((setting) => [setting.name as string, setting]));

export function settingNamed(name: string): ConfigSetting | undefined {
  return byName.get(name);
}
