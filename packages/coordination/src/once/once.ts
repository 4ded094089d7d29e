import { AbstractKvClient, type KeyRecord } from "@d-engine/client";
import { EngineError, isEngineError } from "@d-engine/core";
import type { CoordinationClient } from "../coordination-client.js";
import { isPassing } from "../internal/passing-errors.js";
import { RetryPace } from "../internal/retry-pace.js";
import { pause } from "../internal/waiting.js";
import { type AcquireOptions, acquire } from "../lock/acquire.js";
import type { Lock } from "../lock/held.js";
import { type Check, type Codec, checked, jsonCodec } from "../map/codec.js";
import { QueueKeys } from "../queue/queue-keys.js";
import { recipePrefix } from "../recipe-keys.js";

/** Options of `once`. */
export interface OnceOptions<T> extends AcquireOptions {
  /**
   * How the result becomes bytes.
   * @defaultValue JSON
   */
  readonly codec?: Codec;
  /** What a stored result must be: a function that makes it so or throws, or a schema with `parse`. */
  readonly check?: Check<T>;
}

/**
 * The result of `work` under this name, which counts once in the cluster and for ever: whoever asks
 * first runs it while the others wait, and all get what it resolved to, also later ones, also after a
 * restart of everything. A work that rejects leaves no result: the next who asks or waits runs it.
 *
 * At any time at most one process surely runs it, as far as `Held` says; a process that dies or
 * stands still while it does is followed by another. So what the work does outside the engine may
 * happen more than once, and carries `lock.token`; its result never changes once anybody has it.
 *
 * @example
 * const schema = await once(client, "migration-42", async (lock) => {
 *   await migrate({ signal: lock.signal, fencingToken: lock.token });
 *   return { version: 42 };
 * });
 * @throws EngineError `WAIT_TIMEOUT`, `LOCK_LOST`, what the cluster refuses, and what `work` throws
 */
export async function once<T>(
  client: CoordinationClient,
  name: string,
  work: (lock: Lock) => Promise<T> | T,
  options: OnceOptions<T> = {},
): Promise<T> {
  const { codec = jsonCodec, check, signal } = options;
  const key = `${recipePrefix("once", name)}result`;
  const decode = ({ value }: KeyRecord): T => checked(check, codec.decode(value));
  const before = await resultOf(client, key, options);
  if (before !== undefined) return decode(before);

  const told = new AbortController();
  const asked = signal === undefined ? told.signal : AbortSignal.any([signal, told.signal]);
  const heard = hear(client, key, asked);
  void heard.then((record) => {
    if (record !== undefined) told.abort(new ResultIsThere(record));
  });
  try {
    const keys = new QueueKeys("once", name, 1);
    const hold = await acquire({
      client,
      name,
      keys,
      value: "",
      mode: "wait",
      options: { ...options, signal: asked },
    });
    try {
      const found = await resultOf(client, key, options);
      if (found !== undefined) return decode(found);
      const result = await work(hold);
      return decode(await settle(client, hold, key, codec.encode(result)));
    } finally {
      await hold.release();
    }
  } catch (error) {
    if (told.signal.reason instanceof ResultIsThere && !signal?.aborted) {
      return decode(told.signal.reason.record);
    }
    throw error;
  } finally {
    told.abort(new EngineError("CLOSED", "nobody waits for the result any more"));
  }
}

/** Somebody else's result came while this process waited for its turn, or worked. */
class ResultIsThere {
  readonly record: KeyRecord;

  constructor(record: KeyRecord) {
    this.record = record;
  }
}

async function resultOf(
  client: CoordinationClient,
  key: string,
  { signal, timeoutMs }: AcquireOptions,
): Promise<KeyRecord | undefined> {
  const bounds = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) };
  return (await client.range(key, { ...bounds, consistency: "linearizable" })).entries[0];
}

/** The result as soon as a watch tells of it; `undefined` when nobody waits any more. */
async function hear(
  client: CoordinationClient,
  key: string,
  signal: AbortSignal,
): Promise<KeyRecord | undefined> {
  const clock = AbstractKvClient.clockOf(client);
  const pace = new RetryPace(clock);
  for (;;) {
    try {
      for await (const { events } of client.watch(key, { signal })) {
        const [event] = events;
        if (event?.kind === "put") return event.record;
      }
      return undefined;
    } catch (error) {
      if (signal.aborted || !isPassing(error)) return undefined;
    }
    // What was written before the watch is there the lock tells: who gets it looks again.
    await pause(clock, pace.nextMs(), signal).catch(() => undefined);
  }
}

/**
 * Stores the result if nobody has, and returns the stored one. Repeated until it is known, which is
 * safe as the first one that arrives is the only one that does anything.
 */
async function settle(
  client: CoordinationClient,
  hold: Lock,
  key: string,
  value: ReturnType<Codec["encode"]>,
): Promise<KeyRecord> {
  const clock = AbstractKvClient.clockOf(client);
  const pace = new RetryPace(clock);
  for (;;) {
    try {
      const { results } = await hold
        .txn()
        .if({ key, exists: false })
        .then({ kind: "put", key, value }, { kind: "range", keys: key })
        .else({ kind: "range", keys: key })
        .commit();
      const stored = results.flatMap((one) => (one.kind === "range" ? one.entries : []))[0];
      if (stored !== undefined) return stored;
      throw new EngineError("INVALID_RESPONSE", "a stored result was not answered");
    } catch (error) {
      if (isEngineError(error, "LOCK_LOST")) {
        // An attempt without an answer may have stored it before.
        const stored = await resultOf(client, key, {});
        if (stored !== undefined) return stored;
      }
      if (!isPassing(error)) throw error;
    }
    await pause(clock, pace.nextMs(), hold.signal).catch(() => undefined);
  }
}
