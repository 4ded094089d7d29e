import type { ChildProcess } from "node:child_process";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { spawnScript } from "../child-processes.js";
import { eachLine } from "../lines.js";
import type { Host } from "../network/host.js";
import type { Network } from "../network/network.js";
import type { RecordedOperation } from "./recorded-operation.js";
import type { SiteOptions } from "./site-options.js";

const outputCharsMax = 16 * 1024;

/** The clients of one host, in a process of their own. */
export class Site {
  readonly #child: ChildProcess;
  readonly #ended: Promise<string | undefined>;
  #errors = "";

  constructor(
    network: Network,
    host: Host,
    options: SiteOptions,
    onOperation: (operation: RecordedOperation) => void,
  ) {
    const script = compiled(fileURLToPath(new URL("./site-main.js", import.meta.url)));
    const prefix = network.commandPrefix(host);
    this.#child = spawnScript({ prefix, script, args: [JSON.stringify(options)] });
    const { pid } = this.#child;
    if (pid !== undefined) network.joined(host, pid);
    eachLine(this.#child.stdout!, (line) => onOperation(JSON.parse(line) as RecordedOperation));
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
