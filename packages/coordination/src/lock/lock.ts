import type { CoordinationClient } from "../coordination-client.js";
import { QueueKeys } from "../queue/queue-keys.js";
import { type AcquireOptions, acquire, whileHeld } from "./acquire.js";
import type { Lock } from "./held.js";

/**
 * Runs `work` while this process, and no other in the cluster, holds the lock `name`. Whoever asked
 * first is next. Uncontended it costs two round trips, and who waits costs nothing.
 *
 * Resolves to what `work` resolves to and rejects with what it rejects with. It also rejects with
 * `LOCK_LOST` when the lock was lost before `work` ended, even if that went well. The lock is not
 * reentrant: asked for again within `work` it waits for itself.
 *
 * `lock.signal` aborts before another can have the lock, as long as this process gets its turns: hand
 * it to what `work` calls. Against work outside the engine that was sent before only `lock.token`
 * protects: see `Held`.
 *
 * @example
 * await withLock(client, "invoices", async (lock) => {
 *   const invoices = await render({ signal: lock.signal });
 *   await archive.upload(invoices, { fencingToken: lock.token });
 *   await lock.put("invoices/last", "2026-11");
 * });
 * @throws EngineError `WAIT_TIMEOUT`, `LOCK_LOST`, and what the cluster refuses
 */
export async function withLock<T>(
  client: CoordinationClient,
  name: string,
  work: (lock: Lock) => Promise<T> | T,
  options: AcquireOptions = {},
): Promise<T> {
  const keys = new QueueKeys("lock", name, 1);
  const hold = await acquire({ client, name, keys, value: "", mode: "wait", options });
  return await whileHeld(hold, work);
}

/**
 * The lock `name` if nobody has it or waits for it, otherwise `undefined`. To be released, by `await
 * using` or `release`. Elsewise as `withLock`.
 *
 * @example
 * await using lock = await tryLock(client, "invoices");
 * if (lock !== undefined) await render({ signal: lock.signal });
 * @throws EngineError `WAIT_TIMEOUT` when the cluster does not answer in time, and what it refuses
 */
export async function tryLock(
  client: CoordinationClient,
  name: string,
  options: AcquireOptions = {},
): Promise<Lock | undefined> {
  const keys = new QueueKeys("lock", name, 1);
  return await acquire({ client, name, keys, value: "", mode: "try", options });
}
