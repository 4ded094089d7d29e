import { setTimeout as pause } from "node:timers/promises";
import type { EngineClient } from "@d-engine/client";
import { type Lock, withLock } from "@d-engine/coordination";
import { EngineError, isEngineError } from "@d-engine/core";
import type { Prng } from "@d-engine/simulator";
import type { HeldLock, Sighting } from "./sighting.js";

export interface HolderOptions {
  readonly name: string;
  readonly client: EngineClient;
  readonly random: Prng;
  readonly nowNs: () => number;
  readonly record: (sighting: Sighting) => void;
  readonly signal: AbortSignal;
  readonly locks: readonly string[];
}

/** Shorter than most stalls of a process, so that locks are lost. */
const ttlMs = 2_000;
const waitMs = 10_000;
const callTimeoutMs = 5_000;
const turnMs = 30;
const heldMsMax = 1_500;

/** Takes locks, writes under them, and notes from when to when it surely held each. */
export async function runHolder(options: HolderOptions): Promise<void> {
  const { client, random, locks, signal, record, name } = options;
  while (!signal.aborted) {
    const lock = random.pick(locks);
    try {
      const bounds = { ttlMs, timeoutMs: waitMs, signal };
      await withLock(client, lock, (held) => hold(held, options), bounds);
    } catch (error) {
      if (!signal.aborted && !(error instanceof EngineError)) {
        record({ kind: "problem", who: name, what: `${lock}: ${String(error)}` });
        throw error;
      }
      await pause(turnMs);
    }
  }
}

async function hold(lock: Lock, options: HolderOptions): Promise<void> {
  const { name, random, nowNs, record, signal } = options;
  const writes: number[] = [];
  lock.assertHeld();
  const fromNs = nowNs();
  let untilNs = fromNs;
  let end: HeldLock["end"] = "released";
  const lettingGoNs = fromNs + random.uniform(0, heldMsMax) * 1e6;
  try {
    while (nowNs() < lettingGoNs && !signal.aborted) {
      const value = `${name}/${lock.token}`;
      const bounds = { timeoutMs: callTimeoutMs };
      writes.push((await lock.put(`held/${lock.name}`, value, bounds)).revision);
      await pause(turnMs);
      // Taken first: a stall between the two must not count as time for which it was held.
      const beforeNs = nowNs();
      lock.assertHeld();
      untilNs = beforeNs;
    }
  } catch (error) {
    if (isEngineError(error, "LOCK_LOST")) end = "lost";
    throw error;
  } finally {
    const { token } = lock;
    record({ kind: "held", lock: lock.name, who: name, token, fromNs, untilNs, end, writes });
  }
}
