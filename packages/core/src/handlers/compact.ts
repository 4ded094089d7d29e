import type { LogId } from "../ids.js";
import { invariant } from "../invariant.js";
import type { RaftState } from "../state.js";

/**
 * Entries at or below `base` leave the disk: a durable snapshot holds what they did (§7). That
 * makes them durable, even if the acknowledgement of their own writes is still on its way here.
 * A base that an install has passed meanwhile changes nothing.
 */
export function onCompact(node: RaftState, base: LogId): void {
  invariant(
    base.index <= node.appliedIndex,
    () => `compacting to ${base.index}, applied are ${node.appliedIndex}`,
  );
  node.log.compact(base);
  node.durability.covered(node.log.base.index);
  node.configurations.compact(base.index);
}
