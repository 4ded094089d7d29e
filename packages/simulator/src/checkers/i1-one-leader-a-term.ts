import type { Checker } from "./witness.js";

/** I1: at most one leader is elected in a term (paper §5.2). */
export function oneLeaderATerm(): Checker {
  const leaders = new Map<number, number>();
  return {
    rule: "I1",
    stepped(mirror, status) {
      if (status.role !== "leader") return undefined;
      const other = leaders.get(status.term);
      leaders.set(status.term, mirror.nodeId);
      if (other === undefined || other === mirror.nodeId) return undefined;
      return `leads term ${status.term}, which node ${other} led`;
    },
  };
}
