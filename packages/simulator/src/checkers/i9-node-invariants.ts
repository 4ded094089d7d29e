import { checkInvariants } from "@d-engine/core/testing";
import type { Checker } from "./witness.js";

/**
 * I9, and what else must hold in one node after every step: positions in order, roles that agree
 * with votes, nothing that goes back from one step to the next (I1, I2 and I6 as the core's own
 * checker sees them).
 */
export function nodeInvariants(): Checker {
  return {
    rule: "I9",
    stepped(_mirror, status, before) {
      try {
        checkInvariants(status, before);
        return undefined;
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
    },
  };
}
