import { setTimeout as pause } from "node:timers/promises";
import type { EngineClient } from "d-engine";
import { nthKey } from "../callers.js";
import type { PutLoad } from "../snapshot/put-load.js";
import type { Expiry } from "./node-requests.js";

const prefix = new TextEncoder().encode("expires/");
const atOnce = 1000;
/** Puts per second that filling counts on: a slower machine lets the last keys live longer. */
const putsPerSecond = 10_000;
const quietMs = 2000;
const aheadMs = 200;

/** Lets many keys end at the same moment, while the load goes on. */
export async function expire(
  client: EngineClient,
  expiries: number,
  startLoad: () => PutLoad,
): Promise<Expiry> {
  const deletes = watchDeletes(client, expiries);
  const dueMs = performance.now() + 2 * quietMs + (expiries / putsPerSecond) * 1000;
  const lastDeadlineMs = await putAll(client, expiries, dueMs);
  const load = startLoad();
  try {
    await pause(quietMs / 4);
    const quiet = await load.measure(pause(quietMs));
    await pause(Math.max(0, dueMs - aheadMs - performance.now()));
    const during = await load.measure(deletes.then(() => undefined));
    const { firstMs, lastMs } = await deletes;
    return { quiet, during, spanMs: lastMs - firstMs, lateMs: lastMs - lastDeadlineMs };
  } finally {
    await load.stop();
  }
}

/** All of them due at `dueMs`; returns the last moment at which the deadline of one may be. */
async function putAll(client: EngineClient, count: number, dueMs: number): Promise<number> {
  let lastMs = dueMs;
  for (let from = 0; from < count; from += atOnce) {
    const length = Math.min(atOnce, count - from);
    const ttlMs = Math.max(quietMs, Math.round(dueMs - performance.now()));
    const put = (_: unknown, n: number) => client.put(keyOf(from + n), "", { ttlMs });
    await Promise.all(Array.from({ length }, put));
    lastMs = Math.max(lastMs, performance.now() + ttlMs);
  }
  return lastMs;
}

async function watchDeletes(
  client: EngineClient,
  count: number,
): Promise<{ readonly firstMs: number; readonly lastMs: number }> {
  let firstMs = 0;
  let seen = 0;
  for await (const { events } of client.watch({ prefix }, { only: "delete" })) {
    if (seen === 0) firstMs = performance.now();
    seen += events.length;
    if (seen >= count) break;
  }
  return { firstMs, lastMs: performance.now() };
}

function keyOf(n: number): Uint8Array {
  const key = new Uint8Array(prefix.length + 8);
  key.set(prefix);
  key.set(nthKey(n), prefix.length);
  return key;
}
