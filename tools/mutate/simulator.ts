import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { killWithUs, runNode } from "./child.js";

const buildTimeoutMs = 300_000;
/** A seed takes about a second on a busy machine. */
const seedTimeoutMs = 120_000;

/** What ended the search for a seed that fails. */
export type SimulatorVerdict =
  | { readonly kind: "killed"; readonly seed: number; readonly by: string }
  | { readonly kind: "survived"; readonly seeds: number };

/** The simulator of the tree at `root`, compiled there. */
export class Simulator {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /**
   * Compiles the tree. Type errors do not matter: a bug may leave a name unused. Throws when that
   * made no difference to what `source` compiles to, as then the bug would not be simulated.
   */
  async build(source?: string): Promise<void> {
    const compiled = source?.replace("/src/", "/dist/").replace(/\.ts$/, ".js");
    const before = compiled === undefined ? undefined : this.#hash(compiled);
    const compiler = join(this.#root, "node_modules", "typescript", "bin", "tsc");
    const options = { cwd: this.#root, timeoutMs: buildTimeoutMs };
    const { output } = await runNode([compiler, "-b", "packages/simulator"], options);
    const isBuilt = existsSync(join(this.#root, main));
    if (!isBuilt || (compiled !== undefined && this.#hash(compiled) === before)) {
      throw new Error(`${source ?? "the simulator"} was not compiled:\n${output}`);
    }
  }

  /** Whether the simulator stands on this source at all. */
  runs(source: string): boolean {
    return !/^packages\/(?:d-engine|proto)\//.test(source);
  }

  /** Runs seeds 1, 2, … up to `seedsMax`, until one fails. */
  async search(seedsMax: number, onSeed: (seed: number) => void): Promise<SimulatorVerdict> {
    // The simulator's own protocol between its processes: a seed there, an outcome back.
    const worker = fork(join(this.#root, main), ["--worker"], {
      cwd: this.#root,
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    const kill = killWithUs(worker);
    try {
      for (let seed = 1; seed <= seedsMax; seed++) {
        onSeed(seed);
        const by = await failureOf(worker, seed);
        if (by !== undefined) return { kind: "killed", seed, by };
      }
      return { kind: "survived", seeds: seedsMax };
    } finally {
      kill();
      process.off("exit", kill);
    }
  }

  #hash(path: string): string {
    return createHash("sha256")
      .update(readFileSync(join(this.#root, path)))
      .digest("hex");
  }
}

const main = "packages/simulator/dist/main.js";

interface Outcome {
  readonly violation?: { readonly rule: string; readonly message: string };
}

/** What went wrong in a seed, if anything did. */
function failureOf(worker: ChildProcess, seed: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (by: string | undefined): void => {
      clearTimeout(timer);
      worker.removeAllListeners("message").removeAllListeners("exit");
      resolve(by);
    };
    const timer = setTimeout(() => end(`no end within ${seedTimeoutMs / 1000} s`), seedTimeoutMs);
    worker.once("message", ({ violation }: Outcome) => {
      end(violation === undefined ? undefined : `${violation.rule}: ${violation.message}`);
    });
    worker.once("exit", (code) => end(`the simulator ended with code ${code}`));
    worker.send(seed);
  });
}
