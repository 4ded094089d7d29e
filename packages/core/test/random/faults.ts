import type { InputEvent, NodeId } from "@d-engine/core";
import { bytesOf } from "../support/messages.js";
import { changeMembers } from "./membership.js";
import type { RandomWorld } from "./random-world.js";
import type { SimulatedProcess } from "./simulated-process.js";

/** Lets clients ask and everything go wrong from time to time, until the world heals. */
export function scheduleFaults(world: RandomWorld): void {
  const { everyMs } = world.profile;
  const actions: Record<keyof typeof everyMs, () => void> = {
    crash: () => crash(world),
    partition: () => partition(world),
    pause: () => pause(world),
    transfer: () => transfer(world),
    propose: () => atSome(world, (process) => propose(world, process)),
    read: () => atSome(world, (process) => read(world, process)),
    unreachable: () => inputAtSome(world, { kind: "unreachable", peer: anyId(world) }),
    clockJump: () => inputAtSome(world, { kind: "clockJump" }),
    snapshot: () => atSome(world, (process) => world.courierOf(process).takeSnapshot()),
    membership: () => atSome(world, (process) => changeMembers(world, process)),
  };
  for (const [name, action] of Object.entries(actions)) {
    repeat(world, everyMs[name as keyof typeof everyMs], action);
  }
}

export function propose(world: RandomWorld, process: SimulatedProcess): void {
  const requestId = world.request(process);
  const commands = Array.from({ length: world.prng.int(1, 3) }, (_, offset) =>
    bytesOf(`${requestId}.${offset}`),
  );
  process.step({ kind: "propose", requestId, commands });
}

function read(world: RandomWorld, process: SimulatedProcess): void {
  process.step({ kind: "read", requestId: world.request(process) });
}

function transfer(world: RandomWorld): void {
  const target = anyId(world);
  atSome(world, (process) => {
    process.step({ kind: "transfer", requestId: world.request(process), target });
  });
}

function crash(world: RandomWorld): void {
  const leader = world.processes.find((process) => process.isLeader);
  const any = world.prng.pick(world.processes);
  const process = leader !== undefined && world.prng.chance(0.3) ? leader : any;
  if (!process.running) return;
  world.counters.crashes++;
  process.crash(world.prng.int(0, process.member.disk.pendingCount));
  world.queue.after(world.prng.next() * 3 * world.electionTimeoutMs, () => {
    if (!process.running) world.start(process);
  });
}

function pause(world: RandomWorld): void {
  const durationMs = world.prng.next() * 4 * world.electionTimeoutMs;
  world.prng.pick(world.processes).pausedUntilMs = world.queue.nowMs + durationMs;
}

/** Links that fail together: a group, the leader alone, one pair (a bridge stays), one-way links. */
function linksToCut(world: RandomWorld): readonly string[] {
  const { prng } = world;
  const ids = world.processes.map((process) => process.member.id);
  const between = (chosen: (a: NodeId, b: NodeId) => boolean) =>
    ids.flatMap((a) => ids.filter((b) => chosen(a, b)).map((b) => `${a}>${b}`));
  const leader = world.processes.find((process) => process.isLeader)?.member.id ?? prng.pick(ids);
  const other = prng.pick(ids);
  const group = new Set(ids.filter(() => prng.chance(0.5)));
  switch (prng.int(1, 5)) {
    case 1:
      return between((a, b) => group.has(a) !== group.has(b));
    case 2:
      return between((a, b) => (a === leader) !== (b === leader));
    case 3:
    case 4:
      return [`${leader}>${other}`, `${other}>${leader}`];
    default:
      return between(() => prng.chance(0.3));
  }
}

function partition(world: RandomWorld): void {
  const cut = linksToCut(world);
  for (const link of cut) world.cut.add(link);
  world.queue.after(world.prng.next() * 6 * world.electionTimeoutMs, () => {
    for (const link of cut) world.cut.delete(link);
  });
}

function repeat(world: RandomWorld, everyMs: number, action: () => void): void {
  if (everyMs === Number.POSITIVE_INFINITY) return;
  world.queue.after(world.prng.next() * 2 * everyMs, () => {
    if (world.healed) return;
    action();
    repeat(world, everyMs, action);
  });
}

/** At a leader more often than not: what is asked of others is soon refused. */
function atSome(world: RandomWorld, action: (process: SimulatedProcess) => void): void {
  const running = world.processes.filter((process) => process.running);
  if (running.length === 0) return;
  const leaders = running.filter((process) => process.isLeader);
  const preferred = leaders.length > 0 && world.prng.chance(0.7) ? leaders : running;
  const process = world.prng.pick(preferred);
  process.whenAwake(process.run, () => action(process));
}

function inputAtSome(world: RandomWorld, event: InputEvent): void {
  atSome(world, (process) => process.step(event));
}

function anyId(world: RandomWorld): NodeId {
  return world.prng.pick(world.processes).member.id;
}
