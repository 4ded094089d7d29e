import { freePort } from "../../server/test/free-port.js";
import { EmbeddedEngine, type EngineConfig } from "../src/index.js";

/** A cluster of three engines in this process, each with a port and a directory. */
export interface ThreeEngines extends AsyncDisposable {
  readonly engines: readonly EmbeddedEngine[];
  readonly addresses: readonly string[];
  /** Resolves once one of them leads and can serve. */
  leader(): Promise<EmbeddedEngine>;
  follower(): Promise<EmbeddedEngine>;
}

/** Starts them over directories that the caller names, and removes. */
export async function threeEngines(
  directories: readonly string[],
  config: Partial<EngineConfig> = {},
): Promise<ThreeEngines> {
  const ports: number[] = [];
  for (const _ of directories) ports.push(await freePort());
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const initialCluster = addresses.map((address, at) => `${at + 1}=${address}`).join(",");
  const engines = await Promise.all(
    directories.map((dataDir, at) =>
      EmbeddedEngine.start({
        segmentBytes: 4 * 1024 * 1024,
        ...config,
        dataDir,
        nodeId: at + 1,
        initialCluster,
        listen: addresses[at],
      }),
    ),
  );
  const leader = async (): Promise<EmbeddedEngine> => {
    const [first] = engines as [EmbeddedEngine];
    const { leaderId } = await first.waitReady({ timeoutMs: 20_000 });
    return engines[leaderId - 1] ?? first;
  };
  return {
    engines,
    addresses,
    leader,
    async follower() {
      const leading = await leader();
      return engines.find((engine) => engine !== leading) ?? leading;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(engines.map((engine) => engine.close()));
    },
  };
}
