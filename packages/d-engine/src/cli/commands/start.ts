import { parseHostPort } from "@d-engine/client";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { CliIo } from "../cli-io.js";
import type { Finish } from "../finish.js";
import { LOG_LEVELS } from "../log-levels.js";
import type { RunNodeOptions } from "../run-node.js";

const EXAMPLES = `
Examples:
  d-engine start
  d-engine start --data-dir /var/lib/d-engine --listen 0.0.0.0:9081 --advertise 10.0.0.1:9081
  d-engine start --log-level info 2> node.log
  d-engine start --data-dir ./data-1 --node-id 1 \\
    --initial-cluster 1=10.0.0.1:9081,2=10.0.0.2:9081,3=10.0.0.3:9081
  d-engine start --data-dir ./data-4 --node-id 4 --advertise 10.0.0.4:9081 \\
    --join 10.0.0.1:9081,10.0.0.2:9081

Ctrl-C or SIGTERM closes cleanly; a second one ends the process at once.`;

/** Settings in numbers. The default is said and not set: what is not given the engine decides. */
const NUMBERS = [
  ["--election-timeout-ms <ms>", "silence after which a follower campaigns", 1000],
  ["--heartbeat-interval-ms <ms>", "pause between heartbeats", 100],
  ["--snapshot-entries <n>", "entries applied that bring about the next snapshot", 1_000_000],
  ["--snapshot-log-bytes <n>", "bytes applied that bring about the next snapshot", 268_435_456],
  ["--snapshot-bytes-per-second <n>", "most bytes of snapshots sent in a second; 0: all", 0],
  ["--log-tail-bytes <n>", "log kept behind a snapshot for slow followers", 1_073_741_824],
  ["--log-bytes-max <n>", "log at which writes wait for a snapshot", 4_294_967_296],
  ["--segment-bytes <n>", "size of a file of the log, by which it is purged", 67_108_864],
  ["--value-bytes-max <n>", "longest value that is taken", 1_048_576],
] as const;

export function addStartCommand(program: Command, io: CliIo, finish: Finish): void {
  const start = program
    .command("start")
    .description("run a durable node until it is told to stop")
    .option("-d, --data-dir <path>", "where the data is; made if it is missing", "./data")
    .addOption(
      new Option(
        "-l, --listen <host:port>",
        "where clients and peers reach the node (default: its address in the initial cluster, " +
          "or 127.0.0.1:9081)",
      ).argParser((text) => readAddress(text, 0)),
    )
    .addOption(
      new Option(
        "--advertise <host:port>",
        "the address that clients are told, if another",
      ).argParser((text) => readAddress(text, 1)),
    )
    .addOption(
      new Option(
        "--admin-listen <host:port>",
        "answer /health, /primary, /replica and /metrics here over HTTP (default: nowhere)",
      ).argParser((text) => readAddress(text, 0)),
    )
    .addOption(
      new Option("--node-id <id>", "the id of this node in its cluster").argParser(readInteger),
    )
    .option(
      "--initial-cluster <id=host:port,...>",
      "all first members of a new cluster; ignored once the data directory exists",
    )
    .option(
      "--join <host:port,...>",
      "nodes of a running cluster to join, in place of an initial cluster",
    )
    .addOption(
      new Option("--join-as <kind>", "a voter once it has caught up, or never").choices([
        "promotable",
        "read-only",
      ]),
    )
    .option("--cluster-token <text>", "tells clusters with the same first members apart");
  for (const [flags, description, usual] of NUMBERS) {
    start.addOption(new Option(flags, `${description} (default: ${usual})`).argParser(readInteger));
  }
  start
    .addOption(
      new Option(
        "--log-level <level>",
        "write JSON log lines to stderr, from this level on",
      ).choices(LOG_LEVELS),
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

function readInteger(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is not an integer`);
}

function readAddress(text: string, portMin: 0 | 1): string {
  try {
    return parseHostPort(text, { portMin }).text;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
