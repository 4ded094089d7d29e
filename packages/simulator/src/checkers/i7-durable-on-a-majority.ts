import type { NodeMirror } from "./node-mirror.js";
import type { Checker } from "./witness.js";

/**
 * I7: what a leader commits is durable on a majority of the voters; and what was durable on a
 * node is there when it starts again.
 */
export function durableOnAMajority(mirrors: ReadonlyMap<number, NodeMirror>): Checker {
  return {
    rule: "I7",
    stepped(_mirror, status, before) {
      if (status.role !== "leader" || status.commitIndex <= (before?.commitIndex ?? 0)) {
        return undefined;
      }
      if (before?.role !== "leader" || before.term !== status.term) return undefined;
      const index = status.commitIndex;
      const term = mirrors.get(status.id)?.written.termAt(index);
      const voters = status.configuration.members.filter((member) => member.status === "active");
      const holders = voters.filter(
        ({ id }) => term !== undefined && mirrors.get(id)?.survives(index, term),
      );
      if (holders.length * 2 > voters.length) return undefined;
      const where = holders.map(({ id }) => id).join(", ") || "no node";
      return `commits entry ${index} of term ${term}, which is durable on ${where} alone`;
    },
  };
}
