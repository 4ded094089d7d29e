import type { NodeStatus } from "@d-engine/core";

/** `d_engine.common.NodeStatus` by number. */
const statuses: readonly (NodeStatus | "unspecified")[] = [
  "unspecified",
  "promotable",
  "readOnly",
  "active",
];

export function nodeStatusNumber(status: NodeStatus | "unspecified"): number {
  return statuses.indexOf(status);
}

/** `undefined` for a number that this version does not know. */
export function nodeStatusOf(number: number): NodeStatus | "unspecified" | undefined {
  return statuses[number];
}
