/**
 * A process of lock holders, lessees and watchers. Begins when it is started, ends when its standard
 * input does, and prints what they see as lines of JSON.
 */
import { connect, type EngineClient } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { Prng } from "@d-engine/simulator";
import { runHolder } from "./holder.js";
import { runLessee } from "./lessee.js";
import type { Sighting } from "./sighting.js";
import type { CoordinationSiteOptions } from "./site-options.js";
import { watchEverything } from "./watcher.js";

const options = JSON.parse(process.argv[2] ?? "") as CoordinationSiteOptions;
const { name, endpoints, locks } = options;
const startNs = BigInt(options.startNs);
const nowNs = (): number => Number(process.hrtime.bigint() - startNs);
const stop = new AbortController();
process.stdin.on("end", () => stop.abort()).resume();
const { signal } = stop;
const random = new Prng(options.seed);
const record = (sighting: Sighting): void => {
  process.stdout.write(`${JSON.stringify(sighting)}\n`);
};

const client = await connected();
if (client !== undefined) {
  const asked = (kind: string) => ({
    name: `${name}.${kind}`,
    client,
    random: random.split(kind),
    nowNs,
    record,
    signal,
  });
  await Promise.all([
    watchEverything(asked("watcher")),
    runLessee(asked("lessee")),
    runHolder({ ...asked("holder"), locks }),
  ]);
  await client.close();
}

/** A client of the cluster, however long it takes until there is one. */
async function connected(): Promise<EngineClient | undefined> {
  while (!signal.aborted) {
    try {
      return await connect(endpoints, { signal });
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!isEngineError(error, "CLUSTER_UNAVAILABLE")) throw error;
    }
  }
  return undefined;
}
