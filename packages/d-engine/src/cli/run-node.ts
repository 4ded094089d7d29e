import { resolve } from "node:path";
import type { LeaderInfo } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { StandaloneEngine } from "../standalone-engine.js";
import type { CliIo } from "./cli-io.js";
import { cliLogger } from "./cli-logger.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import type { LogLevel } from "./log-levels.js";
import { humanReport, jsonReport, type StartReport } from "./start-report.js";
import { onStopSignal } from "./stop-signals.js";

export interface RunNodeOptions {
  readonly dataDir: string;
  /** `host:port`; port 0 lets the system choose. */
  readonly listen?: string;
  readonly advertise?: string;
  readonly adminListen?: string;
  readonly nodeId?: number;
  /** `1=host:port,2=host:port` */
  readonly initialCluster?: string;
  readonly clusterToken?: string;
  /** `host:port,host:port` of nodes of a running cluster. */
  readonly join?: string;
  readonly joinAs?: "promotable" | "read-only";
  readonly electionTimeoutMs?: number;
  readonly heartbeatIntervalMs?: number;
  readonly snapshotEntries?: number;
  readonly snapshotLogBytes?: number;
  readonly snapshotBytesPerSecond?: number;
  readonly logTailBytes?: number;
  readonly logBytesMax?: number;
  readonly segmentBytes?: number;
  readonly valueBytesMax?: number;
  readonly logLevel?: LogLevel;
  readonly json: boolean;
}

/**
 * Runs a node until a signal asks it to stop. Resolves to the exit code of a clean end; rejects
 * with what kept the node from starting, or ended it.
 */
export async function runNode(options: RunNodeOptions, io: CliIo): Promise<ExitCode> {
  const report = options.json ? jsonReport(io) : humanReport(io);
  const stop = new AbortController();
  const unlisten = onStopSignal((signal) => {
    report.closing(signal);
    stop.abort(new StopRequested());
  });
  report.starting(resolve(options.dataDir));
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
  options: RunNodeOptions,
  report: StartReport,
  signal: AbortSignal,
  io: CliIo,
): Promise<void> {
  const { logLevel, json: _, joinAs, ...config } = options;
  await using server = await StandaloneEngine.start({
    ...config,
    joinAs: joinAs === "read-only" ? "readOnly" : joinAs,
    signal,
    logger: cliLogger(logLevel, io),
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
