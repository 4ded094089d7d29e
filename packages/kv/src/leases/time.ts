import type { WriteOutcome } from "../write-outcome.js";
import type { LeaseStore } from "./lease-store.js";

/** Nothing but its stamp, which is taken over before any command is executed (rule R15). */
export function applyTime({ revision }: LeaseStore): WriteOutcome {
  return { succeeded: true, revision, existed: false };
}
