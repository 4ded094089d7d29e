import { quorumsMeet, voterSetsOf } from "@d-engine/core/testing";
import type { Checker } from "./witness.js";

/**
 * I8: a leader changes the members only when the change before is committed, in its own term, and
 * only to voters whose quorums all meet those of before. By induction any two quorums meet that
 * can act at the same time.
 */
export function oneChange(): Checker {
  return {
    rule: "I8",
    stepped(mirror, status, before) {
      if (status.role !== "leader" || before?.role !== "leader") return undefined;
      if (status.term !== before.term) return undefined;
      const { configuration: after } = status;
      const { configuration: old } = before;
      if (after.logId.index === old.logId.index) return undefined;
      if (old.logId.index > status.commitIndex) {
        return `changes the members at ${after.logId.index} before ${old.logId.index} is committed`;
      }
      if (mirror.written.termAt(status.commitIndex) !== status.term) {
        return `changes the members at ${after.logId.index} before its term has an entry committed`;
      }
      if (quorumsMeet(voterSetsOf(old), voterSetsOf(after))) return undefined;
      return `goes from ${JSON.stringify(old)} to ${JSON.stringify(after)}: quorums that do not meet`;
    },
  };
}
