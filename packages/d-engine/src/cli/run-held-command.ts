import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { EngineError, isEngineError } from "@d-engine/client";
import { elect, type Held, withLock } from "@d-engine/coordination";
import type { CliIo } from "./cli-io.js";
import { EXIT, type ExitCode } from "./exit-codes.js";
import { type RemoteOptions, withClient } from "./remote-options.js";

export interface HeldCommandOptions extends RemoteOptions {
  readonly ttl?: number;
  readonly wait?: number;
  readonly killAfter: number;
  readonly value?: string;
}

/** What ends the waiting, and is passed on to the command. */
const PASSED_ON = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command while a lock is held, or an election led. Resolves to its exit code, 128 and more
 * when a signal ended it, or to `EXIT.lost` when it was stopped as what it needs was lost.
 */
export async function runHeldCommand(
  kind: "lock" | "elect",
  name: string,
  command: readonly string[],
  options: HeldCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  const stop = new Signals();
  const { ttl: ttlMs, wait: timeoutMs, value } = options;
  const bounds = {
    signal: stop.whileWaiting,
    ...(ttlMs === undefined ? {} : { ttlMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  const work = (held: Held): Promise<ExitCode> => run(command, held, stop, options, io);
  try {
    return await withClient(
      options,
      async (client) => {
        if (kind === "lock") return await withLock(client, name, work, bounds);
        await using leadership = await elect(client, name, { ...bounds, value: value ?? "" });
        return await work(leadership);
      },
      stop.whileWaiting,
    );
  } catch (error) {
    if (stop.received !== undefined) return codeOf(null, stop.received);
    if (!isEngineError(error, "LOCK_LOST")) throw error;
    io.err(`d-engine: ${error.message}`);
    return EXIT.lost;
  } finally {
    stop.release();
  }
}

function run(
  [program = "", ...args]: readonly string[],
  held: Held,
  stop: Signals,
  { killAfter }: HeldCommandOptions,
  io: CliIo,
): Promise<ExitCode> {
  held.assertHeld();
  const env = { ...process.env, D_ENGINE_TOKEN: String(held.token), D_ENGINE_NAME: held.name };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env });
    let kill: NodeJS.Timeout | undefined;
    const onLost = (): void => {
      io.err(`d-engine: ${String(held.signal.reason?.message ?? held.signal.reason)}; stopping it`);
      child.kill("SIGTERM");
      kill = setTimeout(() => child.kill("SIGKILL"), killAfter);
    };
    const end = (settle: () => void): void => {
      clearTimeout(kill);
      held.signal.removeEventListener("abort", onLost);
      stop.child = undefined;
      settle();
    };
    held.signal.addEventListener("abort", onLost, { once: true });
    stop.child = child;
    child.on("error", (cause: NodeJS.ErrnoException) => {
      const why = cause.code === "ENOENT" ? "there is no such program" : cause.message;
      const message = `cannot run ${program}: ${why}`;
      end(() => reject(new EngineError("INVALID_REQUEST", message, { cause })));
    });
    child.on("exit", (code, signal) => {
      end(() => resolve(kill === undefined ? codeOf(code, signal) : EXIT.lost));
    });
  });
}

/** Signals to this process: they end the waiting, or go to the command that runs. */
class Signals {
  child: ChildProcess | undefined;
  /** The one that ended the waiting. */
  received: NodeJS.Signals | undefined;
  readonly #waiting = new AbortController();

  constructor() {
    for (const signal of PASSED_ON) process.on(signal, this.#onSignal);
  }

  get whileWaiting(): AbortSignal {
    return this.#waiting.signal;
  }

  release(): void {
    for (const signal of PASSED_ON) process.off(signal, this.#onSignal);
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.child !== undefined) this.child.kill(signal);
    else {
      this.received ??= signal;
      this.#waiting.abort(new Error(`stopped by ${signal}`));
    }
  };
}

function codeOf(code: number | null, signal: NodeJS.Signals | null): ExitCode {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
