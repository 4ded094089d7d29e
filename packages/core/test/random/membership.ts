import type { MembershipChange, MembershipConfiguration } from "@d-engine/core";
import { change } from "../support/messages.js";
import type { Prng } from "./prng.js";
import type { RandomWorld } from "./random-world.js";
import type { SimulatedProcess } from "./simulated-process.js";

/** Asks one node for a change of the members: mostly one that makes sense, often not. */
export function changeMembers(world: RandomWorld, process: SimulatedProcess): void {
  const { configuration } = process.member.node.status();
  const ids = world.processes.map((other) => other.member.id);
  const drawn = drawChange(world.prng, configuration, ids, process.member.id);
  const requestId = world.request(process);
  const version = world.prng.chance(0.3) ? configuration.logId.index : undefined;
  process.step({ kind: "changeMembership", requestId, change: drawn, version });
}

function drawChange(
  prng: Prng,
  { members }: MembershipConfiguration,
  all: readonly number[],
  self: number,
): MembershipChange {
  const idsOf = (status: string) => members.filter((m) => m.status === status).map(({ id }) => id);
  const voters = idsOf("active");
  const learners = idsOf("promotable");
  const outside = all.filter((n) => !members.some((member) => member.id === n));
  const some = (ids: readonly number[]) => ids.filter(() => prng.chance(0.6));
  switch (prng.int(1, 8)) {
    case 1:
    case 2:
    case 3:
      if (outside.length === 0) return change.remove(prng.pick(all));
      return change.add(prng.pick(outside), prng.chance(0.8) ? "promotable" : "readOnly");
    case 4:
    case 5:
      return learners.length === 0 ? change.promote(prng.pick(all)) : change.promote(...learners);
    case 6:
      return change.remove(self);
    case 7:
      return change.remove(prng.pick(members).id);
    default:
      return change.remove(...some(voters));
  }
}
