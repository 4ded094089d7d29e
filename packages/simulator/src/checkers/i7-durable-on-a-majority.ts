import type { NodeMirror } from "./node-mirror.js";
import { isQuorumOf } from "./roster.js";
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
      const holds = (id: number) =>
        term !== undefined && mirrors.get(id)?.survives(index, term) === true;
      // What was committed may have let the leader change the members in the same step.
      if (isQuorumOf(before.configuration, holds)) return undefined;
      if (isQuorumOf(status.configuration, holds)) return undefined;
      const where = [...mirrors.keys()].filter(holds).join(", ") || "no node";
      return `commits entry ${index} of term ${term}, which is durable on ${where} alone`;
    },
  };
}
