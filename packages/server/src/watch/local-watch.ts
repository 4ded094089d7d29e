import type { KeySpan } from "@d-engine/codec";
import type { KvEvent } from "@d-engine/kv";

/** What is to be watched, and from where on. Absent members are 0 or `false`. */
export interface WatchSpec extends KeySpan {
  /** The first revision that is wanted; 0: whatever comes from now on. May lie in the future. */
  readonly startRevision?: number;
  /** Whether events say what the key held before. */
  readonly prevKv?: boolean;
  readonly noPut?: boolean;
  readonly noDelete?: boolean;
  /** Whether progress is wanted while nothing happens. */
  readonly progress?: boolean;
  /**
   * Whether it ends with `CLUSTER_UNAVAILABLE` when this node knows no leader for long: wanted by
   * readers who can go to another node.
   */
  readonly needsLeader?: boolean;
}

/**
 * - `events`: all that there are of one or of several revisions, in their order; `revision` is the
 *   last of them. Their bytes are views of the state, as what `LocalNode.read` answers.
 * - `progress`: every event up to `revision` has been handed over, so a watch that starts behind it
 *   misses nothing.
 */
export type WatchMessage =
  | { readonly kind: "events"; readonly events: readonly KvEvent[]; readonly revision: number }
  | { readonly kind: "progress"; readonly revision: number };

/**
 * A watch of the state that this node has applied. Each event is handed over once, revisions in
 * order and whole, and none is left out: where that cannot be kept up the watch ends with
 * `WATCH_BUFFER_OVERFLOW` or `COMPACTED` (W1-W5, W9). It also ends with `CLOSED` or the failure of
 * the node, and with the reason of its signal.
 *
 * Read it with `for await`, or with `onReadable` and `take`; leaving the loop releases the watch.
 */
export interface LocalWatch extends AsyncIterableIterator<WatchMessage> {
  /** Where it begins: the first event that can come is of a later revision. */
  readonly revision: number;
  /** Called, in a turn of its own, when `take` may have something again. Must not throw. */
  onReadable: (() => void) | undefined;
  /**
   * What there is now, or `undefined`: as many whole revisions as have `bytesMax` together, and at
   * least one. Throws what ended the watch, when nothing is left.
   */
  take(bytesMax?: number): WatchMessage | undefined;
  /** Asks for a `progress`, which comes when everything before it has been taken. */
  requestProgress(): void;
  /** Releases the watch and what it has unread. Idempotent. */
  close(): void;
}
