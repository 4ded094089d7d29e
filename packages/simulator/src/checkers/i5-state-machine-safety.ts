import type { Checker } from "./witness.js";

/** I5: no two nodes apply different entries at an index (paper §5.4.3); none is left out. */
export function stateMachineSafety(): Checker {
  const entries: number[] = [];
  const applied = new Map<number, number>();
  return {
    rule: "I5",
    recovered(mirror) {
      applied.delete(mirror.nodeId);
      return undefined;
    },
    applied(mirror, { index, hash }) {
      const last = applied.get(mirror.nodeId) ?? 0;
      applied.set(mirror.nodeId, index);
      if (index !== last + 1) return `applies entry ${index} after ${last}`;
      const other = entries[index];
      if (other === undefined) entries[index] = hash;
      else if (other !== hash) return `applies another entry at ${index} than a node before`;
      return undefined;
    },
  };
}
