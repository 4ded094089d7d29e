import { setTimeout as pause } from "node:timers/promises";
import type { EngineClient } from "d-engine";
import type { FanOut, FanOutRound } from "./node-requests.js";
import { Watchers } from "./watchers.js";

const rounds = 20;
const warmUpRounds = 5;
const pauseMs = 20;

/** Puts to one key that many watch, one after the other: how long until all have it. */
export async function fanOut(
  writer: EngineClient,
  reader: EngineClient,
  readers: number,
): Promise<FanOut> {
  const key = new TextEncoder().encode("fan-out");
  const watchers = new Watchers();
  await watchers.open(
    reader,
    Array.from({ length: readers }, () => key),
  );
  const seen: FanOutRound[] = [];
  for (let round = -warmUpRounds; round < rounds; round++) {
    await pause(pauseMs);
    const all = watchers.reached(watchers.seen + readers);
    const beganMs = performance.now();
    const put = writer.put(key, String(round)).then(() => performance.now() - beganMs);
    await all;
    const reachedMs = performance.now() - beganMs;
    if (round >= 0) seen.push({ putMs: await put, reachedMs });
  }
  await watchers.close();
  return { rounds: seen, promisesMs: await settle(readers) };
}

async function settle(count: number): Promise<number> {
  const resolvers: (() => void)[] = [];
  const loops = Array.from({ length: count }, async () => {
    await new Promise<void>((resolve) => resolvers.push(resolve));
  });
  const beganMs = performance.now();
  for (const resolve of resolvers) resolve();
  await Promise.all(loops);
  return performance.now() - beganMs;
}
