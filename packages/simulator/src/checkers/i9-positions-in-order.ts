import type { Checker } from "./witness.js";

/** I9: applied <= commit <= last index; base <= applied; durable <= last. */
export function positionsInOrder(): Checker {
  return {
    rule: "I9",
    stepped(_mirror, { base, appliedIndex, commitIndex, last, durableIndex }) {
      const ordered = base.index <= appliedIndex && appliedIndex <= commitIndex;
      if (ordered && commitIndex <= last.index && durableIndex <= last.index) return undefined;
      return (
        `positions out of order: base ${base.index}, applied ${appliedIndex}, ` +
        `commit ${commitIndex}, durable ${durableIndex}, last ${last.index}`
      );
    },
  };
}
