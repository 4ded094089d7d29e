import type { LogIndex } from "../ids.js";
import { invariant } from "../invariant.js";
import type { RaftState } from "../state.js";

/** The state machine has caught up to here; older entries may leave memory (rule R7). */
export function onApplied(node: RaftState, upTo: LogIndex): void {
  // Said of the state before a snapshot replaced it, while the install was already on its way.
  if (node.installedIndex !== undefined && upTo <= node.installedIndex) return;
  invariant(
    upTo >= node.appliedIndex && upTo <= node.handedToApply,
    () => `applied ${upTo}, was ${node.appliedIndex}, handed out ${node.handedToApply}`,
  );
  node.appliedIndex = upTo;
  node.evictApplied();
}
