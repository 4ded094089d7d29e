/**
 * A limit that holds for all processes together: at most so many calls in each window of time. One
 * transaction reads and counts; the key of a window ends by itself.
 *
 *     node examples/rate-limit/main.mjs [DIRECTORY]
 */
import { EmbeddedEngine } from "d-engine";

const limit = 5;
const windowMs = 60_000;

/**
 * Whether one more call of `who` is within the limit. Counts it if so.
 *
 * @param {import("d-engine").EngineClient} client
 * @param {string} who
 * @param {number} nowMs
 */
async function isAllowed(client, who, nowMs) {
  const key = `rate/${who}/${Math.floor(nowMs / windowMs)}`;
  for (;;) {
    const { entries } = await client.range(key, { consistency: "linearizable" });
    const [record] = entries;
    const calls = record === undefined ? 0 : Number(new TextDecoder().decode(record.value));
    if (calls >= limit) return false;
    const counted = await client
      .txn()
      .if({ key, modRevision: record?.modRevision ?? 0 })
      .then({ kind: "put", key, value: String(calls + 1), ttlMs: 2 * windowMs })
      .commit();
    // Another process was quicker: look again.
    if (counted.succeeded) return true;
  }
}

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/rate-limit");
try {
  await engine.waitReady({ timeoutMs: 5_000 });
  const nowMs = Date.now();
  // Each with a client of its own, as so many processes.
  const ask = (/** @type {number} */ atMs) => isAllowed(engine.client(), "customer-7", atMs);
  const asked = await Promise.all(Array.from({ length: 12 }, () => ask(nowMs)));
  const allowed = asked.filter(Boolean).length;
  console.log(`${allowed} of ${asked.length} calls within a limit of ${limit}`);
  console.log(`in the next window: ${await ask(nowMs + windowMs)}`);
} finally {
  await engine.close();
}
