import { invariant } from "@d-engine/core";
import type { KvRecord } from "./record.js";

/** What a slot holds, and what it held before. */
export interface Version {
  readonly record: KvRecord;
  /** How many snapshots there were when the record was written. */
  readonly epoch: number;
  /** Where what the slot held before is among the records superseded in the epoch, or -1. */
  readonly savedAt: number;
}

/**
 * The records that writes took out of sight in one epoch, which is the time from one snapshot to the
 * next. It lives as long as the snapshot that began the epoch, or an older one, and all that it holds
 * goes with it at once: nobody has to visit a million keys for that.
 */
export class Superseded {
  /** In pieces: an array that grows by being copied would stall the loop. */
  readonly #chunks: Version[][] = [];
  #size = 0;
  #next: Superseded | undefined;

  /** The epoch after this one. Older snapshots find what later writes replaced through it. */
  set next(next: Superseded) {
    this.#next = next;
  }

  /** Keeps what a slot holds, before its first write in the epoch, and says where. */
  add(version: Version): number {
    if (this.#size % chunkLength === 0) this.#chunks.push([]);
    this.#chunks.at(-1)!.push(version);
    return this.#size++;
  }

  /** What a slot held when epoch `epoch` began, which is this one's, if it holds `version` now. */
  before(epoch: number, version: Version): KvRecord {
    let seen = version;
    while (seen.epoch >= epoch) seen = this.#after(seen.epoch - epoch).#at(seen.savedAt);
    return seen.record;
  }

  #after(epochs: number): Superseded {
    let later: Superseded = this;
    for (let n = 0; n < epochs; n++) {
      invariant(later.#next !== undefined, "a write of an epoch that has not begun");
      later = later.#next;
    }
    return later;
  }

  #at(place: number): Version {
    const version = this.#chunks[Math.floor(place / chunkLength)]?.[place % chunkLength];
    invariant(version !== undefined, "a snapshot misses a record that was replaced after it");
    return version;
  }
}

const chunkLength = 1_024;
