import type { LogLevel } from "../cli/log-levels.js";
import type { EngineConfig } from "../embedded-engine.js";
import { type Environment, readEnvironment } from "./environment.js";
import { readFlags, readOptions } from "./named-values.js";
import { type PlacedValues, resolveConfig } from "./resolve-config.js";
import { CONFIG_DEFAULTS } from "./schema.js";
import type { ConfigValues } from "./setting-table.js";
import { readTomlFile } from "./toml-file.js";

/** Where settings come from; what is absent is not looked at. */
export interface LoadConfigOptions {
  /**
   * Path of a file of settings in TOML.
   * @defaultValue what `CONFIG_PATH` in `environment` names, otherwise none
   */
  readonly file?: string | undefined;
  /** Variables to take settings from, as `process.env`. */
  readonly environment?: Environment | undefined;
  /** Settings by their names here; they weigh most. */
  readonly overrides?: ConfigOverrides | undefined;
}

/** Settings of a program that outweigh those of file and environment. */
export type ConfigOverrides = { readonly [K in keyof ConfigValues]?: ConfigValues[K] | undefined };

/** Settings that were given, for `EmbeddedEngine.start` and `StandaloneEngine.start`. */
export type LoadedConfig = Omit<EngineConfig, "logger" | "onProgress" | "signal">;

/**
 * Reads settings from a file, from the environment and from `overrides`, the later outweighing the
 * earlier. What none of them sets is not in the result, and so has its default.
 *
 * @throws EngineError `INVALID_REQUEST` when the file cannot be read, or naming every bad or unknown
 *   setting at once with its place, its bounds and what to do; they are its `problems`
 * @example
 * const config = loadConfig({ file: "node.toml", environment: process.env });
 * await using engine = await EmbeddedEngine.start({ ...config, logger });
 */
export function loadConfig(options: LoadConfigOptions = {}): LoadedConfig {
  const { overrides = {}, ...sources } = options;
  return engineConfigOf(placeConfig(sources, readOptions(overrides)));
}

/** The sources of a node that is started from the command line. */
export interface CommandSources {
  /** What `--config` names. */
  readonly config?: string | undefined;
  readonly environment: Environment;
  /** The options of the command; those that are no settings are left alone. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** As `loadConfig`, for the command line, whose values are text; with where each comes from. */
export function placeCommandConfig(sources: CommandSources): PlacedValues {
  const { config: file, environment, flags } = sources;
  return placeConfig({ file, environment }, readFlags(flags));
}

/** The file that the sources name, if any. */
export function configFile({ file, environment = {} }: LoadConfigOptions): string | undefined {
  return file ?? (environment.CONFIG_PATH || undefined);
}

function placeConfig(sources: LoadConfigOptions, last: ReturnType<typeof readFlags>): PlacedValues {
  const file = configFile(sources);
  const fromFile = file === undefined ? [] : readTomlFile(file);
  return resolveConfig([fromFile, readEnvironment(sources.environment ?? {}), last]);
}

/** What an engine is started with. */
export function engineConfigOf(values: PlacedValues): LoadedConfig {
  const given = Object.fromEntries([...values].map(([name, { value }]) => [name, value]));
  const { logLevel: _, ...config } = {
    dataDir: CONFIG_DEFAULTS.dataDir,
    ...given,
  } as LoadedConfig & {
    logLevel?: LogLevel;
  };
  return config;
}

/** From which level on a node of the command line writes log lines. */
export function logLevelOf(values: PlacedValues): LogLevel | undefined {
  return values.get("logLevel")?.value as LogLevel | undefined;
}
