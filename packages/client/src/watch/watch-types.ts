import type { CallOptions } from "../engine-client.js";

/** One key of the store, whole. Its bytes belong to the caller. */
export interface KeyRecord {
  readonly key: Uint8Array;
  /** Empty where only keys were asked for. */
  readonly value: Uint8Array;
  /** The revision that made the key, by which it differs from others of that name before. */
  readonly createRevision: number;
  /** The revision of its last write. */
  readonly modRevision: number;
  /** Writes since it was made, 1 for a new key. */
  readonly version: number;
  /** The lease that it ends with; 0: none. */
  readonly lease: number;
}

/** One change of one key. */
export type WatchEvent =
  | {
      readonly kind: "put";
      /** The revision that it is a part of. */
      readonly revision: number;
      readonly record: KeyRecord;
      /** What was there before; only with the option `previous`, and if something was. */
      readonly previous: KeyRecord | undefined;
    }
  | {
      readonly kind: "delete";
      readonly revision: number;
      readonly key: Uint8Array;
      readonly previous: KeyRecord | undefined;
    };

/** All selected events of one revision, or of several whole ones, in their order. */
export interface WatchBatch {
  /** The last of these revisions. */
  readonly revision: number;
  readonly events: readonly WatchEvent[];
}

/** Options of `watch`. */
export interface WatchOptions extends Pick<CallOptions, "signal"> {
  /**
   * The first revision wanted; it may lie ahead.
   * @defaultValue whatever comes from now on
   */
  readonly fromRevision?: number;
  /**
   * Whether events say what was there before.
   * @defaultValue false
   */
  readonly previous?: boolean;
  /**
   * The one kind of events that is wanted.
   * @defaultValue both
   */
  readonly only?: WatchEvent["kind"];
}

/**
 * The events of the selected keys: each once, in the order of their revisions, none left out, over
 * broken connections and changes of the leader. Where that cannot be kept it is told by an error,
 * and `revision` says up to where it was (checks W1-W9). A reader that is slow is given what it
 * missed from the history later.
 *
 * `next` rejects with `EngineError` `COMPACTED` when the history does not reach back any more (read
 * again, and watch from that revision on), with `CLUSTER_UNAVAILABLE` when no node has answered for
 * the client's `timeoutMs` (another watch from `revision + 1` goes on), with `signal.reason`, and
 * with what a node refuses. It ends with the client; `break` releases it. One `for await` per watch.
 */
export interface Watch extends AsyncIterableIterator<WatchBatch, undefined> {
  /**
   * Everything up to this revision was handed out, or there was nothing; it moves on by itself while
   * nothing happens. A watch from `revision + 1` goes on where this one is. Before `ready`: the one
   * before `fromRevision`, or 0.
   */
  readonly revision: number;
  /**
   * Resolves when the watch is there: what is written from now on is in it. To the revision that it
   * begins behind. Rejects as `next` does.
   */
  ready(): Promise<number>;
}
