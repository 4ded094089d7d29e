import { type Command, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import { addKeyOptions } from "../key-options.js";
import { readCount, readRevision } from "../numbers.js";
import { addRemoteOptions } from "../remote-options.js";
import { runWatch, type WatchCommandOptions } from "../run-watch.js";

const EXAMPLES = `
Examples:
  d-engine watch greeting
  d-engine watch config/ --prefix --prev-kv
  d-engine watch "" --prefix --rev 1200 --json
  d-engine watch lock/report --only delete --count 1

One line per change: put or delete, its revision, the key, the value, and with --prev-kv the value
before, with tabs between and written as scan does. Goes on at another node when its own is lost,
without gap or repeat. Ends with code 0 when it is stopped.`;

export function addWatchCommand(program: Command, io: CliIo, finish: Finish): void {
  const command = program
    .command("watch")
    .description("print the changes of a key, or of all keys of a prefix or range")
    .argument("<key>");
  addKeyOptions(command)
    .addOption(
      new Option("--rev <n>", "from this revision on (default: from now on)").argParser(
        readRevision,
      ),
    )
    .option("--prev-kv", "what was there before, too", false)
    .addOption(new Option("--only <kind>", "one kind of changes").choices(["put", "delete"]))
    .option(
      "--progress",
      "say where it begins, and the revision up to which nothing was missed, every second in " +
        "which that moves on without a change",
      false,
    )
    .addOption(new Option("--count <n>", "end after so many changes").argParser(readCount));
  addRemoteOptions(command)
    .addHelpText("after", EXAMPLES)
    .action((key: string, options: WatchCommandOptions) =>
      finish("reads", options, () => runWatch(key, options, io)),
    );
}
