import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import type { ConfigOptions } from "../run-config.js";
import { addSettingFlags } from "../setting-flags.js";

const EXAMPLES = `
Examples:
  d-engine config check --config node.toml
  d-engine config print --config node.toml --json
  d-engine config defaults > node.toml`;

export function addConfigCommand(program: Command, io: CliIo, finish: Finish): void {
  const config = program
    .command("config")
    .description("check settings, show what is in force, or list all")
    .addHelpText("after", EXAMPLES);
  addSettingFlags(config.command("check"))
    .description("name everything that is wrong with the settings, without starting a node")
    .option("--json", "print JSON, for programs", false)
    .action((options: ConfigOptions) =>
      finish("reads", options, async () => (await load()).checkConfig(options, io)),
    );
  addSettingFlags(config.command("print"))
    .description("show what a node would run with, and where each value comes from")
    .option("--json", "print JSON, for programs", false)
    .action((options: ConfigOptions) =>
      finish("reads", options, async () => (await load()).printConfig(options, io)),
    );
  config
    .command("defaults")
    .description("list every setting with its default, as a file to start from")
    .option("--json", "print JSON, for programs", false)
    .option("--markdown", "print the page of the documentation", false)
    .action((options: { readonly json: boolean; readonly markdown: boolean }) =>
      finish("reads", options, async () => (await load()).printDefaults(options, io)),
    );
}

/** Only here: the rules of the settings come with a whole node. */
function load(): Promise<typeof import("../run-config.js")> {
  return import("../run-config.js");
}
