import type { KeyRange, TxnResult, WatchBatch, WatchEvent } from "@d-engine/client";
import type { Ended } from "./program.js";

/** A transaction, by the value that it writes. */
export interface SeenTxn {
  readonly attempt: string;
  readonly ended: Ended<TxnResult>;
}

/** A range read of all keys of the programs. */
export interface SeenRange {
  /** The revision that was asked for; `undefined`: the present one. */
  readonly revision: number | undefined;
  readonly consistency: "linearizable" | "eventual";
  readonly ended: Ended<KeyRange>;
}

/** One watch from its first event to its end, over all that the client did to keep it. */
export interface SeenWatch {
  readonly name: string;
  /** Of its program. */
  readonly place: number;
  readonly from: string;
  /** The first key behind the watched ones. */
  readonly to: string;
  readonly only: WatchEvent["kind"] | undefined;
  /** Whether events say what was there before. */
  readonly previous: boolean;
  /** The first revision that it must tell of; `undefined` while it is not known. */
  startRevision: number | undefined;
  readonly batches: WatchBatch[];
  /** Everything up to here was handed out. */
  revision: number;
  /** It ended as the history does not reach back to `revision` any more. */
  compactedAt: number | undefined;
  isOpen: boolean;
}

/** A key that ends by itself, by the value that it was given. */
export interface SeenLife {
  readonly attempt: string;
  readonly ttlMs: number;
  readonly callMs: number;
  /** The lease was surely held at this moment, by its holder's clock; 0 for a put with a TTL. */
  heldMs: number;
  /** Somebody ended it before its time. */
  isRevoked: boolean;
}

/** What all programs of a run have seen. */
export class Observations {
  readonly txns: SeenTxn[] = [];
  readonly ranges: SeenRange[] = [];
  readonly watches: SeenWatch[] = [];
  readonly lives: SeenLife[] = [];
  /** The highest revision that an answered call has told of. */
  acknowledged = 0;

  told(revision: number): void {
    this.acknowledged = Math.max(this.acknowledged, revision);
  }
}
