import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { EmbeddedEngine, type EngineConfig } from "../embedded-engine.js";

const directories: string[] = [];
const engines: EmbeddedEngine[] = [];

afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** A directory of its own for one test, removed afterwards. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "d-engine-"));
  directories.push(directory);
  return directory;
}

/** Starts a small engine that is closed after the test at the latest. */
export async function engineIn(
  dataDir: string,
  config: Partial<EngineConfig> = {},
): Promise<EmbeddedEngine> {
  const engine = await EmbeddedEngine.start({ segmentBytes: 4 * 1024 * 1024, ...config, dataDir });
  engines.push(engine);
  return engine;
}

/** The same, once it takes writes. */
export async function readyEngine(config: Partial<EngineConfig> = {}): Promise<EmbeddedEngine> {
  const engine = await engineIn(temporaryDirectory(), config);
  await engine.waitReady({ timeoutMs: 10_000 });
  return engine;
}
