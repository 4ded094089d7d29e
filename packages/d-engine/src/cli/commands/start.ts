import { resolve } from "node:path";
import { parseHostPort } from "@d-engine/client";
import { type Command, InvalidArgumentError, Option } from "commander";
import { StandaloneEngine } from "../../standalone-engine.js";
import type { CliIo } from "../cli-io.js";
import { cliLogger, LOG_LEVELS, type LogLevel } from "../cli-logger.js";
import { EXIT, type ExitCode } from "../exit-codes.js";
import type { Finish } from "../run-cli.js";
import { humanReport, jsonReport, type StartReport } from "../start-report.js";
import { onStopSignal } from "../stop-signals.js";

interface StartCommandOptions {
  readonly dataDir: string;
  readonly listen: string;
  readonly advertise?: string;
  readonly logLevel?: LogLevel;
  readonly json: boolean;
}

const EXAMPLES = `
Examples:
  d-engine start
  d-engine start --data-dir /var/lib/d-engine --listen 0.0.0.0:9081 --advertise 10.0.0.1:9081
  d-engine start --log-level info 2> node.log

Ctrl-C or SIGTERM closes cleanly; a second one ends the process at once.`;

export function addStartCommand(program: Command, io: CliIo, finish: Finish): void {
  program
    .command("start")
    .description("run a durable node until it is told to stop")
    .option("-d, --data-dir <path>", "where the data is; made if it is missing", "./data")
    .addOption(
      new Option("-l, --listen <host:port>", "where clients reach the node")
        .argParser((text) => readAddress(text, 0))
        .default("127.0.0.1:9081"),
    )
    .addOption(
      new Option(
        "--advertise <host:port>",
        "the address that clients are told, if another",
      ).argParser((text) => readAddress(text, 1)),
    )
    .addOption(
      new Option(
        "--log-level <level>",
        "write JSON log lines to stderr, from this level on",
      ).choices(LOG_LEVELS),
    )
    .option("--json", "print one JSON object a line, for programs", false)
    .addHelpText("after", EXAMPLES)
    .action((options: StartCommandOptions) => finish(options, () => start(options, io)));
}

async function start(options: StartCommandOptions, io: CliIo): Promise<ExitCode> {
  const report = options.json ? jsonReport(io) : humanReport(io);
  const stop = new AbortController();
  const unlisten = onStopSignal((signal) => {
    report.closing(signal);
    stop.abort(new StopRequested());
  });
  report.starting(resolve(options.dataDir), options.listen);
  try {
    await serve(options, report, stop.signal, io);
  } catch (error) {
    // Asked to stop before it was ready: a clean end like any other.
    if (!(error instanceof StopRequested)) throw error;
  } finally {
    unlisten();
  }
  report.closed();
  return EXIT.ok;
}

/** Resolves when the node has closed as asked; rejects with what else ended it. */
async function serve(
  options: StartCommandOptions,
  report: StartReport,
  signal: AbortSignal,
  io: CliIo,
): Promise<void> {
  const { dataDir, listen, advertise } = options;
  await using server = await StandaloneEngine.start({
    dataDir,
    listen,
    advertise,
    signal,
    logger: cliLogger(options.logLevel, io),
    onProgress: report.progress,
  });
  const { leaderId, term } = await server.engine.waitReady({ signal });
  report.ready({ address: server.address, dataDir: server.dataDir, nodeId: leaderId, term });
  const close = (): void => void server.close();
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  const error = await server.closed;
  if (error !== undefined) throw error;
}

/** The reason with which a start is aborted that is asked to stop. */
class StopRequested extends Error {
  override readonly name = "StopRequested";
}

function readAddress(text: string, portMin: 0 | 1): string {
  try {
    return parseHostPort(text, { portMin }).text;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
