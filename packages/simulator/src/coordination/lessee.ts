import type { Lease } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import type { SeenLife } from "./observations.js";
import { PROGRAM_PREFIX, type Program } from "./program.js";

/** Keys that end by themselves, of puts with a TTL and of leases that are kept for a while. */
export async function runLessee(program: Program): Promise<void> {
  const { stopped, random } = program;
  while (!stopped.aborted) {
    await program.think();
    if (stopped.aborted) return;
    if (random.chance(0.5)) await putWithTtl(program);
    else await holdLease(program);
  }
}

async function putWithTtl(program: Program): Promise<void> {
  const { client, seen } = program;
  const life = begun(program);
  const { attempt: value, ttlMs } = life;
  // Sometimes over a key that lives already (scenario 66).
  const ended = await program.call(() => client.put(ownKey(program), value, { ttlMs }));
  if (ended.status === "ok") seen.told(ended.value.revision);
}

async function holdLease(program: Program): Promise<void> {
  const { client, random, seen, stopped, cluster } = program;
  const life = begun(program);
  const granted = await program.call(() => client.grantLease(life.ttlMs));
  if (granted.status !== "ok") return;
  const lease: Lease = granted.value;
  const { attempt: value } = life;
  const put = await program.call(() => client.put(ownKey(program), value, { lease }));
  if (put.status === "ok") seen.told(put.value.revision);
  const untilMs = program.nowMs + random.uniform(0, 3 * life.ttlMs);
  while (program.nowMs < untilMs && lease.isHeld && !stopped.aborted) {
    life.heldMs = program.nowMs;
    await cluster.world.sleep(life.ttlMs / 8);
  }
  if (lease.isHeld && random.chance(0.3)) {
    life.isRevoked = true;
    await program.call(() => lease.revoke());
  } else {
    lease.end(new EngineError("CLOSED", "kept for long enough"));
  }
}

function begun(program: Program): SeenLife {
  const [shortest, longest] = program.cluster.plan.coordination!.ttlMs;
  const life = {
    attempt: program.attempt(),
    ttlMs: program.random.between(shortest, longest),
    callMs: program.nowMs,
    heldMs: 0,
    isRevoked: false,
  };
  program.seen.lives.push(life);
  return life;
}

function ownKey(program: Program): string {
  return `${PROGRAM_PREFIX}${program.name}/${program.random.between(1, 2)}`;
}
