import { type Command, InvalidArgumentError, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import { readId } from "../node-ids.js";
import { addRemoteOptions } from "../remote-options.js";
import type { RestoreCommandOptions, SaveCommandOptions } from "../run-snapshot.js";

const EXAMPLES = `
Examples:
  d-engine snapshot save backup-1
  d-engine snapshot inspect backup-1
  d-engine snapshot restore backup-1 --data-dir ./new
  d-engine snapshot restore backup-1 --data-dir ./new-2 --node-id 2 \\
    --initial-cluster 1=10.0.0.1:9081,2=10.0.0.2:9081,3=10.0.0.3:9081

A restored cluster is a new one. Every member of it restores the same file with the same
--initial-cluster and --cluster-token; then each is started as any node.`;

export function addSnapshotCommand(program: Command, io: CliIo, finish: Finish): void {
  const snapshot = program
    .command("snapshot")
    .description("back a cluster up, and make a new one of a backup");
  snapshot.addHelpText("after", EXAMPLES);
  addSave(snapshot, io, finish);
  addRestore(snapshot, io, finish);
  snapshot
    .command("inspect")
    .description("check a backup, and show what is in it")
    .argument("<file>")
    .option("--json", "print one JSON object, for programs", false)
    .action((file: string, options: { readonly json: boolean }) =>
      finish("reads", options, async () => {
        const { inspectBackup } = await import("../run-snapshot.js");
        return await inspectBackup(file, options, io);
      }),
    );
}

function addSave(snapshot: Command, io: CliIo, finish: Finish): void {
  const save = snapshot
    .command("save")
    .description("save everything in the cluster to a file, while it goes on")
    .argument("<file>", "must not exist yet")
    .addOption(
      new Option(
        "-c, --consistency <level>",
        "eventual: what the asked node has, also without a leader",
      )
        .choices(["linearizable", "eventual"])
        .default("linearizable"),
    );
  addRemoteOptions(save).action((file: string, options: SaveCommandOptions) =>
    finish("reads", options, async () => {
      const { saveBackup } = await import("../run-snapshot.js");
      return await saveBackup(file, options, io);
    }),
  );
}

function addRestore(snapshot: Command, io: CliIo, finish: Finish): void {
  snapshot
    .command("restore")
    .description("make the data directory of a member of a new cluster, of any size")
    .argument("<file>")
    .requiredOption("-d, --data-dir <path>", "made, and must not hold anything yet")
    .addOption(
      new Option("--node-id <id>", "which member the directory is for")
        .argParser(readId)
        .default(1),
    )
    .option(
      "--initial-cluster <id=host:port,...>",
      "all members of the new cluster (default: this one, at 127.0.0.1:9081)",
    )
    .addOption(
      new Option(
        "--cluster-token <text>",
        "tells clusters apart that are restored of one file",
      ).argParser(readToken),
    )
    .option("--json", "print one JSON object, for programs", false)
    .action((file: string, options: RestoreCommandOptions) =>
      finish("reads", options, async () => {
        const { restore } = await import("../run-snapshot.js");
        return await restore(file, options, io);
      }),
    );
}

function readToken(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}
