import type { LogId } from "@d-engine/core";
import type { FileHandle } from "../file-system.js";
import type { Nonce } from "../format/batch-header.js";
import { SECTOR_BYTES } from "../format/log-format.js";
import { RunTable } from "./run-table.js";

/** A segment file that is prepared, synced and named, but holds no batch of its own yet. */
export interface HeldSegment {
  readonly ordinal: number;
  readonly path: string;
  readonly file: FileHandle;
  readonly bytes: number;
}

/** A segment that is part of the log. */
export class Segment {
  readonly ordinal: number;
  readonly path: string;
  readonly file: FileHandle;
  /** Size of the file. */
  readonly bytes: number;
  readonly nonce: Nonce;
  /** Announces the nonce of the segment that will follow. */
  readonly nextNonce: Nonce;
  /** The last entry before this segment, as its first batch says. */
  readonly position: LogId;
  /** The runs of entries in this segment that no later run replaced. */
  readonly runs = new RunTable();
  /** Where the next batch goes; everything before is durable. */
  end = 0;

  constructor(held: HeldSegment, identity: Pick<Segment, "nonce" | "nextNonce" | "position">) {
    this.ordinal = held.ordinal;
    this.path = held.path;
    this.file = held.file;
    this.bytes = held.bytes;
    this.nonce = identity.nonce;
    this.nextNonce = identity.nextNonce;
    this.position = identity.position;
  }

  /** Whether a batch fits and leaves the last sector to the roll. */
  hasRoomFor(batchBytes: number): boolean {
    return this.end + batchBytes + SECTOR_BYTES <= this.bytes;
  }

  /** Whether another segment can follow this one. */
  get canRoll(): boolean {
    return this.end + SECTOR_BYTES <= this.bytes;
  }
}
