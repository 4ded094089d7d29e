import type { Command } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import type { RunNodeOptions } from "../run-node.js";
import { addSettingFlags } from "../setting-flags.js";

const EXAMPLES = `
Examples:
  d-engine start
  d-engine start --data-dir /var/lib/d-engine --listen 0.0.0.0:9081 --advertise 10.0.0.1:9081
  d-engine start --log-level info 2> node.log
  d-engine start --data-dir ./data-1 --node-id 1 \\
    --initial-cluster 1=10.0.0.1:9081,2=10.0.0.2:9081,3=10.0.0.3:9081
  d-engine start --data-dir ./data-4 --node-id 4 --advertise 10.0.0.4:9081 \\
    --join 10.0.0.1:9081,10.0.0.2:9081

  d-engine start --config node.toml

Every setting has a flag; these are the ones that most need. "d-engine config defaults" lists all.

Ctrl-C or SIGTERM closes cleanly; a second one ends the process at once.`;

export function addStartCommand(program: Command, io: CliIo, finish: Finish): void {
  addSettingFlags(
    program.command("start").description("run a durable node until it is told to stop"),
  )
    .option("--json", "print one JSON object a line, for programs", false)
    .addHelpText("after", EXAMPLES)
    .action((options: RunNodeOptions) =>
      finish("reads", options, async () => {
        // Only here: the other commands need nothing of a node and would wait for it to load.
        const { runNode } = await import("../run-node.js");
        return await runNode(options, io);
      }),
    );
}
