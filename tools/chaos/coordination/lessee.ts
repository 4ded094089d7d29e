import { setTimeout as pause } from "node:timers/promises";
import type { EngineClient, Lease } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { Prng } from "@d-engine/simulator";
import type { Sighting } from "./sighting.js";

export interface LesseeOptions {
  readonly name: string;
  readonly client: EngineClient;
  readonly random: Prng;
  readonly nowNs: () => number;
  readonly record: (sighting: Sighting) => void;
  readonly signal: AbortSignal;
}

const ttlMsMin = 1_000;
const ttlMsMax = 3_000;
const pollMs = 50;
const callTimeoutMs = 5_000;

/** Keeps keys alive for a while, lets them go, and notes when they were gone (T1). */
export async function runLessee(options: LesseeOptions): Promise<void> {
  const { name, random, signal } = options;
  for (let number = 1; !signal.aborted; number++) {
    const key = `lessee/${name}/${number}`;
    try {
      if (random.chance(0.5)) await byTtl(key, options);
      else await byLease(key, options);
    } catch (error) {
      // The call or the run has ended; what the key does is nobody's to say then.
      if (!signal.aborted && !(error instanceof EngineError)) throw error;
      await pause(pollMs);
    }
  }
}

/** A key that is written some times, each time with its TTL. */
async function byTtl(key: string, options: LesseeOptions): Promise<void> {
  const { client, random, nowNs, signal } = options;
  const ttlMs = random.between(ttlMsMin, ttlMsMax);
  let renewedNs = 0;
  for (let left = random.between(1, 4); left > 0; left--) {
    const sentNs = nowNs();
    await client.put(key, `${left}`, { ttlMs, timeoutMs: callTimeoutMs, signal });
    renewedNs = sentNs;
    if (left > 1) await pause(random.uniform(0, ttlMs / 2));
  }
  await awaitGone(key, ttlMs, () => renewedNs, options);
}

/** A key of a lease that is kept for a while; whoever keeps it must not see it go. */
async function byLease(key: string, options: LesseeOptions): Promise<void> {
  const { client, random, nowNs, record, signal, name } = options;
  const ttlMs = random.between(ttlMsMin, ttlMsMax);
  const lease: Lease = await client.grantLease(ttlMs, { timeoutMs: callTimeoutMs, signal });
  await client.put(key, name, { lease, timeoutMs: callTimeoutMs, signal });
  const untilNs = nowNs() + random.uniform(0, 4 * ttlMs) * 1e6;
  while (nowNs() < untilNs && lease.isHeld) {
    const isThere = await exists(key, options);
    if (!isThere && lease.isHeld) {
      record({ kind: "problem", who: name, what: `${key} is gone, and its lease is held` });
    }
    await pause(pollMs);
  }
  if (random.chance(0.3)) await lease.revoke({ timeoutMs: callTimeoutMs, signal });
  else lease.end(new EngineError("CLOSED", "kept for long enough"));
}

async function awaitGone(
  key: string,
  ttlMs: number,
  renewedNs: () => number,
  options: LesseeOptions,
): Promise<void> {
  const { nowNs, record, signal, name } = options;
  while (!signal.aborted) {
    if (!(await exists(key, options))) {
      const goneNs = nowNs();
      record({ kind: "leased", who: name, key, ttlMs, renewedNs: renewedNs(), goneNs });
      return;
    }
    await pause(pollMs);
  }
}

async function exists(key: string, { client, signal }: LesseeOptions): Promise<boolean> {
  const read = { consistency: "linearizable", timeoutMs: callTimeoutMs, signal } as const;
  return (await client.get(key, read)) !== undefined;
}
