import { resolve } from "node:path";
import type { LeaderInfo } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import type { Logger } from "@d-engine/server";
import {
  engineConfigOf,
  type LoadedConfig,
  logLevelOf,
  placeCommandConfig,
} from "../config/load-config.js";
import { StandaloneEngine } from "../standalone-engine.js";
import type { CliIo } from "./cli-io.js";
import { cliLogger } from "./cli-logger.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { humanReport, jsonReport, type StartReport } from "./start-report.js";
import { onStopSignal } from "./stop-signals.js";

export interface RunNodeOptions {
  /** Path of a file of settings. */
  readonly config?: string;
  readonly json: boolean;
  /** Settings by their names, as texts. */
  readonly [setting: string]: unknown;
}

/**
 * Runs a node until a signal asks it to stop. Resolves to the exit code of a clean end; rejects
 * with what kept the node from starting, or ended it.
 */
export async function runNode(options: RunNodeOptions, io: CliIo): Promise<ExitCode> {
  const settings = placeCommandConfig({
    config: options.config,
    environment: io.environment,
    flags: options,
  });
  const config = engineConfigOf(settings);
  const report = options.json ? jsonReport(io) : humanReport(io);
  const stop = new AbortController();
  const unlisten = onStopSignal((signal) => {
    report.closing(signal);
    stop.abort(new StopRequested());
  });
  report.starting(resolve(config.dataDir));
  try {
    await serve(config, cliLogger(logLevelOf(settings), io), report, stop.signal);
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
  config: LoadedConfig,
  logger: Logger,
  report: StartReport,
  signal: AbortSignal,
): Promise<void> {
  await using server = await StandaloneEngine.start({
    ...config,
    signal,
    logger,
    onProgress: report.progress,
  });
  const { address, dataDir, engine } = server;
  const { nodeId, bootstrap } = engine.identity;
  const alone = bootstrap.members.length === 1;
  if (!alone) report.listening({ address, nodeId });
  const { leaderId, term } = await waitForLeader(server, signal);
  report.ready({ address, dataDir, nodeId, leaderId, term });
  const close = (): void => void server.close();
  signal.addEventListener("abort", close, { once: true });
  if (signal.aborted) close();
  const error = await server.closed;
  if (error !== undefined) throw error;
}

/** However long it takes: the others may be started tomorrow. */
async function waitForLeader(server: StandaloneEngine, signal: AbortSignal): Promise<LeaderInfo> {
  for (;;) {
    try {
      return await server.engine.waitReady({ signal });
    } catch (error) {
      if (!isEngineError(error, "CLUSTER_UNAVAILABLE")) throw error;
    }
  }
}

/** The reason with which a start is aborted that is asked to stop. */
class StopRequested extends Error {
  override readonly name = "StopRequested";
}
