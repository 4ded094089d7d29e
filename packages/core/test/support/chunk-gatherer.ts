import type { InstallSnapshot, LogId, SnapshotLabel } from "@d-engine/core";

/** A snapshot in chunks of one byte each, whose checksum names who made it. */
export function snapshotMessage(fields: {
  readonly term: InstallSnapshot["term"];
  readonly leaderId: InstallSnapshot["leaderId"];
  readonly label: SnapshotLabel;
  readonly totalChunks: number;
  readonly from: number;
  readonly count: number;
}): InstallSnapshot {
  const { term, leaderId, label, totalChunks, from } = fields;
  const count = Math.min(fields.count, totalChunks - from);
  const chunks = Array.from({ length: count }, (_, offset) => {
    const sequence = from + offset;
    return { sequence, crc32: sequence, data: Uint8Array.of(sequence) };
  });
  const chunkBytes = Math.ceil(label.bytes / totalChunks);
  return { kind: "installSnapshot", term, leaderId, label, totalChunks, chunkBytes, chunks };
}

export function snapshotLabel(lastIncluded: LogId, madeBy: number): SnapshotLabel {
  return { lastIncluded, checksum: new Uint8Array(32).fill(madeBy), bytes: 60 };
}

/**
 * The receiving half of a driver, as slim as it can be: chunks of one file are taken in order, a
 * file of another label, of other bytes or in other pieces begins anew (scenario 45).
 */
export class ChunkGatherer {
  #file: InstallSnapshot | undefined;
  #next = 0;

  get label(): LogId | undefined {
    return this.#file?.label.lastIncluded;
  }

  get nextChunk(): number {
    return this.#next;
  }

  /** Nothing is missing any more. */
  get complete(): boolean {
    return this.#file !== undefined && this.#next === this.#file.totalChunks;
  }

  /** Takes what fits; true when that completed the file. */
  take(message: InstallSnapshot): boolean {
    if (this.#file === undefined || !sameFile(this.#file, message)) {
      this.#file = message;
      this.#next = 0;
    }
    const before = this.#next;
    for (const { sequence, crc32, data } of message.chunks) {
      if (sequence === this.#next && data[0] === crc32) this.#next++;
    }
    return this.#next > before && this.complete;
  }

  forget(): void {
    this.#file = undefined;
    this.#next = 0;
  }
}

function sameFile(a: InstallSnapshot, b: InstallSnapshot): boolean {
  const { lastIncluded, checksum } = a.label;
  return (
    lastIncluded.index === b.label.lastIncluded.index &&
    lastIncluded.term === b.label.lastIncluded.term &&
    checksum.every((byte, at) => byte === b.label.checksum[at]) &&
    a.chunkBytes === b.chunkBytes
  );
}
