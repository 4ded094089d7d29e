import type { LogIndex } from "../ids.js";
import { invariant } from "../invariant.js";
import type { RaftState } from "../state.js";

/** The state machine has caught up to here; older entries may leave memory (rule R7). */
export function onApplied(node: RaftState, upTo: LogIndex): void {
  invariant(
    upTo >= node.appliedIndex && upTo <= node.handedToApply,
    () => `applied ${upTo}, was ${node.appliedIndex}, handed out ${node.handedToApply}`,
  );
  node.appliedIndex = upTo;
  evictApplied(node);
}

/** Lets go of what is applied and, as it may have to be read back, on the own disk. */
export function evictApplied(node: RaftState): void {
  const evictable = Math.min(node.appliedIndex, node.durability.index) as LogIndex;
  node.log.evict(evictable, node.options.logCacheBytes);
}
