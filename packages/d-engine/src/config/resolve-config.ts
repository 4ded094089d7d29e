import type { SettingConflict } from "@d-engine/core";
import { ENGINE_DEFAULTS, resolveSettings, settingConflicts } from "@d-engine/server";
import { resolvePort } from "../node-port.js";
import { ConfigError, type ConfigOrigin, type ConfigProblem } from "./config-error.js";
import { suggestPath } from "./find-key.js";
import type { Given } from "./given.js";
import { readValue } from "./read-value.js";
import { CONFIG_DEFAULTS, type ConfigSetting, SETTINGS, settingNamed } from "./schema.js";
import type { ConfigName, ConfigValues } from "./setting-table.js";
import { shownValue } from "./shown-value.js";

/** A value with where it came from. */
export interface PlacedValue {
  readonly value: unknown;
  /** The setting as its source calls it. */
  readonly key: string;
  readonly origin: ConfigOrigin;
  readonly source: string;
}

/** Values that were given and are fine, each the one of the source that weighs most. */
export type PlacedValues = ReadonlyMap<ConfigName, PlacedValue>;

/** More problems than this are counted and not listed. */
const problemsMax = 100;

/**
 * Lays the sources over each other, the later over the earlier, and checks every value, those that
 * are overridden too, and the relations between what is left.
 *
 * @throws ConfigError with every problem at once
 */
export function resolveConfig(sources: readonly (readonly Given[])[]): PlacedValues {
  const values = new Map<ConfigName, PlacedValue>();
  const bad = new Set<string>();
  const problems: ConfigProblem[] = [];
  let more = 0;
  for (const source of sources) {
    const here = new Map<ConfigName, Given>();
    for (const given of source) {
      if (problems.length >= problemsMax) more++;
      else problems.push(...take(given, here, values, bad));
    }
  }
  problems.push(...conflictProblems(values, bad));
  if (problems.length === 0) problems.push(...remainingProblems(values));
  if (problems.length > 0) throw new ConfigError(problems, more);
  return values;
}

/** Reads one value; what is wrong with it is returned, and nothing of it is kept. */
function take(
  given: Given,
  here: Map<ConfigName, Given>,
  values: Map<ConfigName, PlacedValue>,
  bad: Set<string>,
): ConfigProblem[] {
  const { key, origin, source, meaning } = given;
  if (meaning.kind !== "setting") return [misnamed(given)];
  const { setting, upstream } = meaning;
  const before = here.get(setting.name);
  here.set(setting.name, given);
  if (before !== undefined) {
    bad.add(setting.name);
    const problem = `sets what ${before.key} (${before.source}) sets already`;
    return [{ ...placeOf(given), value: undefined, problem, fix: "remove one of them" }];
  }
  const reading = readValue(setting.rule, given.raw, given.text, upstream?.values);
  if ("problem" in reading) {
    bad.add(setting.name);
    const fix = upstream?.note === undefined ? reading.fix : `${reading.fix}; ${upstream.note}`;
    const value = shownValue(setting, given.raw);
    return [{ ...placeOf(given), value, problem: reading.problem, fix }];
  }
  values.set(setting.name, { value: reading.value, key, origin, source });
  return [];
}

function misnamed(given: Given): ConfigProblem {
  const place = { ...placeOf(given), value: undefined };
  switch (given.meaning.kind) {
    case "refused":
      return {
        ...place,
        problem: "is a setting of d-engine for Rust that has no counterpart here",
        fix: `remove it; ${given.meaning.instead}`,
      };
    case "section":
      return { ...place, problem: "is a section and no value", fix: "set the keys in it" };
    default: {
      const near = suggestionFor(given);
      const all = '"d-engine config defaults" lists all';
      const fix = near === undefined ? `remove it, or correct it; ${all}` : `did you mean ${near}?`;
      return { ...place, problem: "is not a setting", fix };
    }
  }
}

/** A name that was perhaps meant, in the words of the same source. */
function suggestionFor({ path, origin }: Given): string | undefined {
  const near = suggestPath(path);
  const setting = SETTINGS.find((one) => one.path === near);
  if (origin === "option") return setting?.name;
  if (origin === "environment") return setting?.variable;
  return near;
}

function placeOf({ key, origin, source }: Given): Pick<ConfigProblem, "key" | "origin" | "source"> {
  return { key, origin, source };
}

/** All settings, those that were not given by default. */
export function mergedValues(values: PlacedValues): ConfigValues {
  const given = Object.fromEntries([...values].map(([name, { value }]) => [name, value]));
  // Left out, a lease follows the election timeout, and so never conflicts with it.
  return { ...CONFIG_DEFAULTS, leaseDurationMs: 0, ...given };
}

function conflictProblems(values: PlacedValues, bad: ReadonlySet<string>): ConfigProblem[] {
  const merged = mergedValues(values);
  const conflicts: SettingConflict[] = settingConflicts(merged);
  if (merged.join !== undefined && merged.initialCluster !== undefined) {
    conflicts.push({
      settings: ["join", "initialCluster"],
      problem: "exclude each other",
      fix: "a node founds a cluster or joins one: remove one of them",
    });
  }
  return conflicts
    .filter(({ settings }) => !settings.some((name) => bad.has(name)))
    .map((conflict) => conflictProblem(conflict, values));
}

/** A relation is told in the words of a file, with where each side of it comes from. */
function conflictProblem(conflict: SettingConflict, values: PlacedValues): ConfigProblem {
  const involved = conflict.settings.map((name) => settingNamed(name)!);
  const inFile = (text: string): string =>
    involved.reduce((told, { name, key }) => told.replaceAll(name, key), text);
  const given = involved.filter(({ name }) => values.has(name));
  const places = involved.map((setting) => `${setting.key}: ${placeNamed(setting, values)}`);
  return {
    key: given.map(({ path }) => path).join(", "),
    value: undefined,
    origin: originOf(given.map(({ name }) => values.get(name)?.origin)),
    source: places.join(", "),
    problem: `do not fit: ${inFile(conflict.problem)}`,
    fix: inFile(conflict.fix),
  };
}

function placeNamed({ name }: ConfigSetting, values: PlacedValues): string {
  const placed = values.get(name);
  if (placed === undefined) return "default";
  return placed.origin === "file" ? placed.source : placed.key;
}

/** Only what stands on the command line alone is the fault of the command line. */
function originOf(origins: readonly (ConfigOrigin | undefined)[]): ConfigOrigin {
  const [first = "default"] = origins;
  return origins.every((origin) => origin === "commandLine") ? "commandLine" : first;
}

/** What the engine itself would refuse: nothing may pass here and fail at the start. */
function remainingProblems(values: PlacedValues): ConfigProblem[] {
  const given = Object.fromEntries([...values].map(([name, { value }]) => [name, value]));
  const settings = Object.entries(given).filter(([name]) => Object.hasOwn(ENGINE_DEFAULTS, name));
  try {
    const { address } = resolvePort(given);
    resolveSettings({ ...Object.fromEntries(settings), address });
    return [];
  } catch (error) {
    const places = [...values.values()].map(({ origin }) => origin);
    const key = "the settings together";
    const fix = "change what is named";
    const problem = `are refused: ${(error as Error).message}`;
    return [{ key, value: undefined, origin: originOf(places), source: "all", problem, fix }];
  }
}
