import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedEngine } from "d-engine";
import { nthKey } from "./callers.js";
import { median } from "./statistics.js";

export interface RestartOptions {
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly repetitions: number;
  readonly progress: (line: string) => void;
}

export interface RestartResult {
  readonly keys: number;
  readonly logBytes: number;
  /** From `start` until a linearizable read of the last key is answered: median, and slowest. */
  readonly serveMs: number;
  readonly serveMsMax: number;
}

const batch = 1000;

/** Fills a node's log with keys, then starts it again and waits until it serves. */
export async function benchRestart(options: RestartOptions): Promise<RestartResult> {
  const dataDir = join(options.folder, "engine");
  await fill(dataDir, options);
  const times: number[] = [];
  for (let repetition = 0; repetition < options.repetitions; repetition++) {
    options.progress(`start ${repetition + 1} of ${options.repetitions}`);
    const startedMs = performance.now();
    await using engine = await EmbeddedEngine.start(dataDir);
    await engine.waitReady({ timeoutMs: 120_000 });
    const last = await engine
      .client()
      .get(nthKey(options.keys - 1), { consistency: "linearizable" });
    if (last?.length !== options.valueBytes) throw new Error("the last key is not there");
    times.push(performance.now() - startedMs);
  }
  return {
    keys: options.keys,
    logBytes: bytesBelow(dataDir),
    serveMs: median(times),
    serveMsMax: Math.max(...times),
  };
}

async function fill(dataDir: string, { keys, valueBytes, progress }: RestartOptions) {
  progress(`writing ${keys} keys`);
  await using engine = await EmbeddedEngine.start(dataDir);
  await engine.waitReady({ timeoutMs: 30_000 });
  const client = engine.client();
  const value = new Uint8Array(valueBytes).fill(0x76);
  for (let from = 0; from < keys; from += batch) {
    const length = Math.min(batch, keys - from);
    await Promise.all(Array.from({ length }, (_, n) => client.put(nthKey(from + n), value)));
  }
}

function bytesBelow(folder: string): number {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
