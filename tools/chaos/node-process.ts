import type { ChildProcess } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";
import { spawnScript } from "./child-processes.js";
import { eachLine, parseObject } from "./lines.js";

export interface NodeProcessOptions {
  /** The root of the checkout; its command line must be built. */
  readonly root: string;
  readonly prefix: readonly string[];
  /** Options of `d-engine start`. */
  readonly args: readonly string[];
  /** What the process prints is appended here. */
  readonly logFile: string;
  /** The node says something in its log. */
  readonly onLog: (message: string) => void;
}

export interface NodeExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const outputLinesMax = 200;

/** One life of a node, started through the command line as a user would. */
export class NodeProcess {
  readonly pid: number;
  /** Resolves when the process has ended. Never rejects. */
  readonly exited: Promise<NodeExit>;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #output: string[] = [];
  readonly #waiting = new Map<string, () => void>();
  readonly #said = new Set<string>();
  #hasEnded = false;

  constructor({ root, prefix, args, logFile, onLog }: NodeProcessOptions) {
    const script = join(root, "packages", "d-engine", "dist", "cli", "main.js");
    const always = ["start", "--json", "--log-level", "info"];
    this.#child = spawnScript({ prefix, script, args: [...always, ...args] });
    if (this.#child.pid === undefined) throw new Error(`cannot start ${script}`);
    this.pid = this.#child.pid;
    this.#child.stdin?.on("error", () => undefined).end();
    this.#log = createWriteStream(logFile, { flags: "a" });
    this.exited = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        this.#hasEnded = true;
        this.#log.end(
          `--- ${Date.now()}: process ${this.pid} ended: ${signal ?? `code ${code}`}\n`,
        );
        resolve({ code, signal });
      });
    });
    eachLine(this.#child.stdout!, (line) => this.#onEvent(line));
    eachLine(this.#child.stderr!, (line) => {
      this.#keep(line);
      onLog(String(parseObject(line)?.msg ?? ""));
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** What it printed last. */
  get output(): string {
    return this.#output.join("\n");
  }

  /** Resolves when the node has told this event: "listening", "ready" or "closed". */
  async told(event: string, timeoutMs: number): Promise<void> {
    if (this.#said.has(event)) return;
    const said = new Promise<void>((resolve) => this.#waiting.set(event, resolve));
    const ended = this.exited.then(({ code, signal }) => {
      throw new Error(`ended with ${signal ?? `code ${code}`} before ${event}:\n${this.output}`);
    });
    const late = new Promise<never>((_, reject) => {
      setTimeout(
        () => reject(new Error(`not ${event} within ${timeoutMs} ms:\n${this.output}`)),
        timeoutMs,
      ).unref();
    });
    await Promise.race([said, late, ended]);
  }

  /** Sends a signal; false when the process has ended. */
  signal(signal: NodeJS.Signals): boolean {
    return !this.#hasEnded && this.#child.kill(signal);
  }

  #onEvent(line: string): void {
    this.#keep(line);
    const event = parseObject(line)?.event;
    if (typeof event !== "string") return;
    this.#said.add(event);
    this.#waiting.get(event)?.();
    this.#waiting.delete(event);
  }

  #keep(line: string): void {
    this.#output.push(line);
    if (this.#output.length > outputLinesMax) this.#output.shift();
    if (!this.#log.writableEnded) this.#log.write(`${line}\n`);
  }
}
