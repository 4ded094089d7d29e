import { setMaxListeners } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect, type EngineClient } from "@d-engine/client";
import { findViolations } from "./check.js";
import { EMPTY_STORE, Journal, type StoreView } from "./journal.js";
import { freePort, NodeProcess } from "./node-process.js";
import { Prng } from "./prng.js";
import { forgetLogTail } from "./sabotage.js";
import { runWorkload } from "./workload.js";

export interface CrashTestOptions {
  /** The root of the checkout. */
  readonly root: string;
  /** Holds data and journals; removed when nothing was found. */
  readonly folder: string;
  readonly rounds: number;
  readonly seed: number;
  readonly callers: number;
  /** Cuts acknowledged writes off the log after each kill, which the test must find. */
  readonly sabotage: boolean;
  readonly progress: (line: string) => void;
}

export interface CrashTestReport {
  readonly seed: number;
  readonly rounds: number;
  readonly kills: number;
  /** Kills that met the node while it was starting. */
  readonly killsInStart: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly unknown: number;
  readonly keys: number;
  readonly revision: number;
  readonly startMsMax: number;
  /** One line for each broken promise; the run ends at the first round that finds any. */
  readonly violations: readonly string[];
}

const loadMs = { from: 3, to: 600 } as const;
const startKillMs = { from: 1, to: 300 } as const;
const startKillShare = 0.15;
const acknowledgedPerRoundMin = 5;
const abandonMs = 200;
const sabotageBytes = 64 * 1024;

/**
 * Starts, loads and kills one node again and again on one data directory. Each life begins with
 * a look at the whole store and its comparison with what callers were told in the life before.
 */
export async function runCrashTest(options: CrashTestOptions): Promise<CrashTestReport> {
  await mkdir(options.folder, { recursive: true });
  const run = new Run(options, `127.0.0.1:${await freePort()}`);
  const report = await run.toTheEnd();
  if (report.violations.length === 0) await rm(options.folder, { recursive: true, force: true });
  return report;
}

class Run {
  readonly #options: CrashTestOptions;
  readonly #listen: string;
  readonly #dataDir: string;
  readonly #random: Prng;
  #base: StoreView = EMPTY_STORE;
  #journal = new Journal();
  #violations: string[] = [];
  #kills = 0;
  #killsInStart = 0;
  #startMsMax = 0;
  readonly #told = { acknowledged: 0, refused: 0, unknown: 0 };

  constructor(options: CrashTestOptions, listen: string) {
    this.#options = options;
    this.#listen = listen;
    this.#dataDir = join(options.folder, "data");
    this.#random = new Prng(options.seed);
  }

  async toTheEnd(): Promise<CrashTestReport> {
    const { rounds, progress } = this.#options;
    for (let round = 1; round <= rounds && this.#violations.length === 0; round++) {
      await this.#round(round);
      if (round % 10 === 0 || round === rounds) {
        progress(`round ${round} of ${rounds}: ${this.#told.acknowledged} acknowledged so far`);
      }
    }
    if (this.#violations.length === 0) await this.#closeAndCompare();
    this.#requireEnough();
    if (this.#violations.length > 0) await this.#keepEvidence();
    return this.#report();
  }

  /** One or two lives: now and then the node is killed once more before it is ready. */
  async #round(round: number): Promise<void> {
    if (this.#random.next() < startKillShare) {
      const node = this.#start();
      await pause(this.#random.logUniform(startKillMs.from, startKillMs.to));
      await this.#kill(node);
      this.#killsInStart += 1;
    }
    await this.#life((node, client) => this.#loadAndKill(node, client, round));
    if (this.#options.sabotage) {
      const where = await forgetLogTail(this.#dataDir, sabotageBytes);
      this.#options.progress(`sabotage: blanked ${where}`);
    }
  }

  /** Kills at a random moment after the first acknowledgement, so that each life has some. */
  async #loadAndKill(node: NodeProcess, client: EngineClient, life: number): Promise<void> {
    const stop = new AbortController();
    const abandon = new AbortController();
    const first = new AbortController();
    setMaxListeners(0, abandon.signal); // every call listens
    const load = runWorkload({
      client,
      journal: this.#journal,
      base: this.#base,
      callers: this.#options.callers,
      random: this.#random.fork(),
      life,
      stop: stop.signal,
      abandon: abandon.signal,
      onAcknowledged: () => first.abort(),
    });
    await Promise.race([load, aborted(first.signal)]);
    await pause(this.#random.logUniform(loadMs.from, loadMs.to));
    stop.abort();
    await this.#kill(node);
    // What is under way learns of the end by itself; what tries again would try for long.
    await Promise.race([load, pause(abandonMs)]);
    abandon.abort();
    this.#violations.push(...(await load));
  }

  /** After a clean end everything must be there as well. */
  async #closeAndCompare(): Promise<void> {
    for (let time = 0; time < 2 && this.#violations.length === 0; time++) {
      await this.#life(async (node) => {
        const { code, signal } = await node.end("SIGTERM");
        if (code === 0) return;
        this.#violations.push(`SIGTERM ended the node with ${signal ?? `code ${code}`}`);
      });
    }
  }

  /** Starts the node, compares the store, and goes on with `body`, which must end the node. */
  async #life(body: (node: NodeProcess, client: EngineClient) => Promise<void>): Promise<void> {
    const startedMs = performance.now();
    const node = this.#start();
    try {
      await node.ready();
      this.#startMsMax = Math.max(this.#startMsMax, performance.now() - startedMs);
      await using client = await connect([this.#listen]);
      await this.#compare(client);
      await body(node, client);
    } catch (error) {
      this.#violations.push(`the node or its client failed: ${String(error)}\n${node.output}`);
    } finally {
      await node.end("SIGKILL");
    }
  }

  async #compare(client: EngineClient): Promise<void> {
    const { entries, revision } = await client.scanPrefix("", { consistency: "linearizable" });
    const text = new TextDecoder();
    const values = entries.map(({ key, value }) => [text.decode(key), text.decode(value)] as const);
    const after = { revision, values: new Map(values) };
    for (const kind of ["acknowledged", "refused", "unknown"] as const) {
      this.#told[kind] += this.#journal.count(kind);
    }
    this.#violations.push(...findViolations(this.#base, this.#journal, after));
    if (this.#violations.length > 0) return;
    this.#base = after;
    this.#journal = new Journal();
  }

  #start(): NodeProcess {
    const { root } = this.#options;
    return new NodeProcess({ root, dataDir: this.#dataDir, listen: this.#listen });
  }

  async #kill(node: NodeProcess): Promise<void> {
    const { signal, code } = await node.end("SIGKILL");
    if (signal === "SIGKILL") this.#kills += 1;
    else this.#violations.push(`ended by itself with code ${code}:\n${node.output}`);
  }

  /** A run that did too little would prove nothing, so it does not pass. */
  #requireEnough(): void {
    const { rounds } = this.#options;
    if (this.#violations.length > 0) return;
    if (this.#kills < rounds) this.#violations.push(`only ${this.#kills} kills`);
    if (this.#told.acknowledged < rounds * acknowledgedPerRoundMin) {
      this.#violations.push(`only ${this.#told.acknowledged} acknowledged writes`);
    }
    if (this.#told.unknown === 0) this.#violations.push("no kill met a write under way");
    if (this.#told.refused === 0) this.#violations.push("no write was refused");
  }

  async #keepEvidence(): Promise<void> {
    const { folder, progress } = this.#options;
    const lines = this.#journal.writes.map((write) => JSON.stringify(write));
    await writeFile(join(folder, "journal.jsonl"), `${lines.join("\n")}\n`);
    progress(`journal of the last life and data directory are kept in ${folder}`);
  }

  #report(): CrashTestReport {
    return {
      seed: this.#options.seed,
      rounds: this.#options.rounds,
      kills: this.#kills,
      killsInStart: this.#killsInStart,
      ...this.#told,
      keys: this.#base.values.size,
      revision: this.#base.revision,
      startMsMax: Math.round(this.#startMsMax),
      violations: this.#violations,
    };
  }
}

/** Resolves when the signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}
