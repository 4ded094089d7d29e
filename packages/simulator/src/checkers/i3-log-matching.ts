import { payloadHash } from "./mirror-log.js";
import type { Checker } from "./witness.js";

/**
 * I3: logs that agree on (index, term) agree up to there (paper §5.3). Every (index, term) ever
 * written must carry one content behind one previous term; by induction that is the property.
 */
export function logMatching(): Checker {
  const known = new Map<string, { readonly hash: number; readonly previousTerm: number }>();
  return {
    rule: "I3",
    writing(mirror, write) {
      const first = write.entries[0];
      if (first === undefined) return undefined;
      const { reset } = write;
      const isBehindReset = reset !== undefined && first.index === reset.index + 1;
      const before = isBehindReset ? reset.term : mirror.written.termAt(first.index - 1);
      if (before === undefined) {
        return `writes entry ${first.index} behind a log that ends at ${mirror.written.lastIndex}`;
      }
      let previousTerm: number = before;
      for (const entry of write.entries) {
        const hash = payloadHash(entry);
        const name = `${entry.index}/${entry.term}`;
        const other = known.get(name);
        if (other === undefined) known.set(name, { hash, previousTerm });
        else if (other.hash !== hash) return `entry ${name} has two contents`;
        else if (other.previousTerm !== previousTerm) {
          return `entry ${name} follows term ${previousTerm}, elsewhere ${other.previousTerm}`;
        }
        if (entry.term < previousTerm) return `term falls at entry ${name}`;
        previousTerm = entry.term;
      }
      return undefined;
    },
  };
}
