import type { ChildProcess } from "node:child_process";
import { basename, dirname, join, relative } from "node:path";
import { spawnScript } from "../child-processes.js";
import { eachLine } from "../lines.js";
import type { Host } from "../network/host.js";
import type { Network } from "../network/network.js";

const outputCharsMax = 16 * 1024;

export interface SiteSetup<Line> {
  readonly network: Network;
  readonly host: Host;
  /** What the process runs: the path of a script of this tool. It ends when its standard input does. */
  readonly script: string;
  /** Given to the script as JSON. */
  readonly options: { readonly name: string };
  /** Called with each line that the script prints, which must be JSON. */
  readonly onLine: (line: Line) => void;
}

/** The clients of one host, in a process of their own. */
export class Site<Line> {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string | undefined>;
  #errors = "";

  constructor({ network, host, script, options, onLine }: SiteSetup<Line>) {
    const prefix = network.commandPrefix(host);
    const args = [JSON.stringify(options)];
    this.#child = spawnScript({ prefix, script: compiled(script), args });
    const { pid } = this.#child;
    if (pid !== undefined) network.joined(host, pid);
    eachLine(this.#child.stdout!, (line) => onLine(JSON.parse(line) as Line));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-outputCharsMax);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("close", (code, signal) => {
        if (pid !== undefined) network.left(pid);
        const how = signal ?? `code ${code}`;
        resolve(
          code === 0 ? undefined : `clients ${options.name} ended with ${how}: ${this.#errors}`,
        );
      });
    });
  }

  /** Sends a signal, to stop it for a while, say; false when it has ended. */
  signal(signal: NodeJS.Signals): boolean {
    return this.#child.kill(signal);
  }

  /** Asks the clients to finish; resolves to what went wrong with them, if anything did. */
  async stop(timeoutMs: number): Promise<string | undefined> {
    this.#child.stdin?.on("error", () => undefined).end();
    const late = setTimeout(() => this.#child.kill("SIGKILL"), timeoutMs);
    const problem = await this.#ended;
    clearTimeout(late);
    return problem;
  }
}

/** Tests run this file as it was written; what it starts is always compiled. */
function compiled(script: string): string {
  const chaos = dirname(dirname(script));
  return basename(chaos) === "dist" ? script : join(chaos, "dist", relative(chaos, script));
}
