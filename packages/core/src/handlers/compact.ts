import type { LogId } from "../ids.js";
import { invariant } from "../invariant.js";
import type { RaftState } from "../state.js";

/** Entries at or below `base` leave the disk: a durable snapshot holds what they did (§7). */
export function onCompact(node: RaftState, base: LogId): void {
  invariant(
    base.index <= node.appliedIndex && base.index <= node.durability.index,
    () => `compacting to ${base.index}, applied are ${node.appliedIndex}`,
  );
  node.log.compact(base);
  node.configurations.compact(base.index);
}
