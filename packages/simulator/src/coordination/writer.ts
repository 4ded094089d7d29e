import type { TxnCondition, TxnStep } from "@d-engine/client";
import { PROGRAM_PREFIX, type Program } from "./program.js";

/** Transactions, ranges of the present and the past, compactions: one after the other. */
export async function runWriter(program: Program): Promise<void> {
  const { stopped, random } = program;
  const { compactChance } = program.cluster.plan.coordination!;
  while (!stopped.aborted) {
    await program.think();
    if (stopped.aborted) return;
    if (random.chance(compactChance)) await compact(program);
    else if (random.chance(0.5)) await transact(program);
    else await read(program);
  }
}

async function transact(program: Program): Promise<void> {
  const { client, random, seen } = program;
  const attempt = program.attempt();
  const [key, other] = [program.key(), program.key()];
  const put: TxnStep = { kind: "put", key, value: attempt };
  const removal: TxnStep = { kind: "delete", keys: other };
  const range: TxnStep = { kind: "range", keys: { prefix: PROGRAM_PREFIX } };
  const condition: TxnCondition = random.chance(0.5)
    ? { key: other, exists: random.chance(0.5) }
    : { key, modRevision: { greater: Math.max(0, seen.acknowledged - 20) } };
  const also = key === other || random.chance(0.7) ? [range] : [removal, range];
  const txn = client
    .txn()
    .if(condition)
    .then(put, ...also)
    .else(put);
  const ended = await program.call(() => txn.commit());
  if (ended.status === "ok") seen.told(ended.value.revision);
  seen.txns.push({ attempt, ended });
}

async function read(program: Program): Promise<void> {
  const { client, random, seen } = program;
  const consistency = random.pick(["linearizable", "linearizable", "eventual"] as const);
  const back = random.chance(0.3) ? random.between(0, 60) : undefined;
  const revision = back === undefined ? undefined : Math.max(1, seen.acknowledged - back);
  const options = { consistency, ...(revision === undefined ? {} : { revision }) };
  const ended = await program.call(() => client.range({ prefix: PROGRAM_PREFIX }, options));
  if (ended.status === "ok" && consistency === "linearizable") seen.told(ended.value.revision);
  seen.ranges.push({ revision, consistency, ended });
}

async function compact(program: Program): Promise<void> {
  const { client, random, seen } = program;
  const revision = seen.acknowledged - random.between(0, 40);
  // What is compacted already, or not there yet, is refused; that is no business of this.
  if (revision > 0) await program.call(() => client.compact(revision));
}
