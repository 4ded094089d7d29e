import type { ReadIndexId } from "@d-engine/core";

/** Tells the read-index calls of one peer apart. */
export function readIdTag(id: ReadIndexId): string {
  return `${id.nonce}:${id.sequence}`;
}
