import type { CoordinationClient } from "../coordination-client.js";
import type { QueueKeys } from "./queue-keys.js";

/** Who stands before one place, at one revision. */
export interface QueueView {
  readonly revision: number;
  /** Whether the place itself is still there. */
  readonly isThere: boolean;
  /** The keys before it, the nearest last. */
  readonly ahead: readonly string[];
}

const pageKeys = 1_000;

/** Reads the whole queue, as it surely is. */
export async function readQueue(
  client: CoordinationClient,
  keys: QueueKeys,
  place: string,
  signal: AbortSignal,
): Promise<QueueView> {
  const options = { keysOnly: true, limit: pageKeys, consistency: "linearizable", signal } as const;
  const found: { readonly key: string; readonly createRevision: number }[] = [];
  let revision = 0;
  for await (const page of client.pages({ prefix: keys.queue }, options)) {
    revision = page.revision;
    for (const { key, createRevision } of page.entries) {
      found.push({ key: text.decode(key), createRevision });
    }
  }
  const own = found.find(({ key }) => key === place);
  const ahead = found
    .filter(({ createRevision }) => own !== undefined && createRevision < own.createRevision)
    .sort((one, other) => one.createRevision - other.createRevision)
    .map(({ key }) => key);
  return { revision, isThere: own !== undefined, ahead };
}

const text = new TextDecoder();
