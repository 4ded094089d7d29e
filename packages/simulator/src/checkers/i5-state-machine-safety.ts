import type { NodeMirror } from "./node-mirror.js";
import type { Checker } from "./witness.js";

/** I5: no two nodes apply different entries at an index (paper §5.4.3); none is left out. */
export function stateMachineSafety(): Checker {
  const entries: number[] = [];
  const applied = new Map<NodeMirror, number>();
  return {
    rule: "I5",
    recovered(mirror) {
      applied.delete(mirror);
      return undefined;
    },
    restored(mirror, index) {
      const last = applied.get(mirror) ?? 0;
      applied.set(mirror, index);
      return index > last ? undefined : `replaces its state of ${last} by one of ${index}`;
    },
    applied(mirror, { index, hash }) {
      const last = applied.get(mirror) ?? 0;
      applied.set(mirror, index);
      if (index !== last + 1) return `applies entry ${index} after ${last}`;
      const other = entries[index];
      if (other === undefined) entries[index] = hash;
      else if (other !== hash) return `applies another entry at ${index} than a node before`;
      return undefined;
    },
  };
}
