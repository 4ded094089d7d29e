import { createServer } from "node:net";
import type { Prng } from "@d-engine/simulator";

/** Below the range from which the system draws the ports of outgoing connections. */
const portMin = 12_000;
const portMax = 32_000;
const attemptsMax = 1_000;

/** Ports of this machine on which nobody listens at this moment. */
export async function freePorts(count: number, random: Prng): Promise<number[]> {
  const found = new Set<number>();
  for (let attempt = 0; found.size < count; attempt++) {
    if (attempt >= attemptsMax) throw new Error(`no ${count} free ports below ${portMax}`);
    const port = random.between(portMin, portMax);
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
