/**
 * A process of clients, on one host. Begins when it is started, ends when its standard input does,
 * and prints every operation that ended as one line of JSON.
 */
import { setTimeout as pause } from "node:timers/promises";
import { connect, connectLazily, type EngineClient } from "@d-engine/client";
import { isEngineError } from "@d-engine/core";
import { Prng } from "@d-engine/simulator";
import { ChaosClient } from "./chaos-client.js";
import type { SiteOptions } from "./site-options.js";

const options = JSON.parse(process.argv[2] ?? "") as SiteOptions;
const startNs = BigInt(options.startNs);
const nowNs = (): number => Number(process.hrtime.bigint() - startNs);
const stop = new AbortController();
process.stdin.on("end", () => stop.abort()).resume();

const random = new Prng(options.seed);
const clients = Array.from({ length: options.clients }, (_, at) =>
  run(at + 1, random.split(`${at}`)),
);
await Promise.all(clients);

async function run(number: number, random: Prng): Promise<void> {
  const { local, electionTimeoutMs, sabotage, thinkMsMax } = options;
  // Both ways to carry operations must hold.
  const session = number % 2 === 1;
  const client = await connected(session);
  if (client === undefined) return;
  await using reader = connectLazily([local.endpoint], { session });
  const chaosClient = new ChaosClient({
    name: `${options.name}.${number}`,
    client,
    local: { node: local.node, client: reader },
    random,
    nowNs,
    record: (operation) => void process.stdout.write(`${JSON.stringify(operation)}\n`),
    electionTimeoutMs,
    sabotage,
  });
  while (!stop.signal.aborted) {
    await chaosClient.once();
    await pause(random.uniform(0, thinkMsMax));
  }
  await client.close();
}

/** A client of the cluster, however long it takes until there is one. */
async function connected(session: boolean): Promise<EngineClient | undefined> {
  while (!stop.signal.aborted) {
    try {
      return await connect(options.endpoints, { session, signal: stop.signal });
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      if (!isEngineError(error, "CLUSTER_UNAVAILABLE")) throw error;
    }
  }
  return undefined;
}
