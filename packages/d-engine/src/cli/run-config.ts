import { configurationPage } from "../config/configuration-page.js";
import { defaultsJson, defaultsToml } from "../config/describe-settings.js";
import { configFile, placeCommandConfig } from "../config/load-config.js";
import { effectiveSettings, printedJson, printedToml } from "../config/print-config.js";
import type { PlacedValues } from "../config/resolve-config.js";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";

export interface ConfigOptions {
  readonly config?: string;
  readonly json: boolean;
  /** Settings by their names, as texts. */
  readonly [setting: string]: unknown;
}

/** Says that the settings are fine; what is wrong with them is thrown. */
export function checkConfig(options: ConfigOptions, io: CliIo): ExitCode {
  const values = place(options, io);
  const file = configFile({ file: options.config, environment: io.environment });
  if (options.json)
    io.out(`${JSON.stringify({ ok: true, file: file ?? null, settings: values.size })}\n`);
  else io.out(`ok: ${values.size} settings given${file === undefined ? "" : `, with ${file}`}\n`);
  return EXIT.ok;
}

/** Prints what a node would run with. */
export function printConfig(options: ConfigOptions, io: CliIo): ExitCode {
  const settings = effectiveSettings(place(options, io));
  io.out(
    options.json
      ? `${JSON.stringify(printedJson(settings), undefined, 2)}\n`
      : printedToml(settings),
  );
  return EXIT.ok;
}

/** Prints every setting with its default and meaning. */
export function printDefaults(
  { json, markdown }: { readonly json: boolean; readonly markdown: boolean },
  io: CliIo,
): ExitCode {
  if (markdown) io.out(configurationPage());
  else io.out(json ? `${JSON.stringify(defaultsJson(), undefined, 2)}\n` : defaultsToml());
  return EXIT.ok;
}

function place(options: ConfigOptions, io: CliIo): PlacedValues {
  const { config, ...flags } = options;
  return placeCommandConfig({ config, environment: io.environment, flags });
}
