import type { WriteRefusal } from "../write-outcome.js";

export function compacted(revision: number, oldest: number): WriteRefusal {
  const message =
    `revision ${revision} is compacted, the oldest that is kept is ${oldest}; ` +
    "read the present state, and go on from its revision";
  return { code: "COMPACTED", message };
}

export function futureRevision(revision: number, present: number): WriteRefusal {
  const message = `revision ${revision} is still to come, the present one is ${present}`;
  return { code: "INVALID_REQUEST", message };
}
