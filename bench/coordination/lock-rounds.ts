import { withLock } from "@d-engine/coordination";
import type { EngineClient } from "d-engine";
import type { LockRounds } from "./node-requests.js";

const warmUpRounds = 200;
const lockPrefix = "lock-";
const encoder = new TextEncoder();

/**
 * Takes and gives up a lock that nobody else wants, and puts twice, in turns. Both are two durable
 * round trips, so what a lock takes longer is what it has to think.
 */
export async function lockRounds(client: EngineClient, rounds: number): Promise<LockRounds> {
  const lockMs: number[] = [];
  const putsMs: number[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    // Of a few locks in turns, as nobody has just one.
    const name = `${lockPrefix}${round & 7}`;
    const key = encoder.encode(name);
    const steps = [
      async () => {
        const ms = await taken(() => withLock(client, name, () => undefined));
        if (round >= 0) lockMs.push(ms);
      },
      async () => {
        const ms = await taken(async () => {
          await client.put(key, "");
          await client.put(key, "");
        });
        if (round >= 0) putsMs.push(ms);
      },
    ];
    if (round % 2 !== 0) steps.reverse();
    for (const step of steps) await step();
  }
  return { lockMs, putsMs };
}

async function taken(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}
