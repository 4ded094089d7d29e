import type { SnapshotLabel, SnapshotStore, SnapshotWriter } from "@d-engine/core";
import type { MessageInitShape } from "@d-engine/proto";
import { storage } from "@d-engine/proto";
import type { Crc32 } from "@d-engine/storage";
import { type ChunkFrame, type ChunkMetadata, chunkCount, chunkSize } from "./snapshot-codec.js";
import { FINAL_ACK } from "./snapshot-sending.js";

export type Ack = MessageInitShape<typeof storage.SnapshotAckSchema>;

const ChunkStatus = storage.SnapshotAck_ChunkStatus;
/** Chunks with a wrong checksum after which a way is not trusted any more. */
const mismatchesMax = 8;

/** Asks for the chunks from `sequence` on. */
export function requestAck(sequence: number): Ack {
  return { seq: sequence, status: ChunkStatus.REQUESTED, nextRequested: sequence };
}

export const FINAL: Ack = { seq: FINAL_ACK, status: ChunkStatus.ACCEPTED };

/** A snapshot on its way into a store: chunks in, acknowledgements out. */
export class SnapshotReceipt {
  readonly label: SnapshotLabel;
  readonly #metadata: ChunkMetadata;
  readonly #writer: SnapshotWriter;
  readonly #crc32: Crc32;
  #wanted: number;
  /** Bytes of the wanted chunk that the store has already. */
  #skip: number;
  #mismatches = 0;

  /** Begins, or goes on with what the store has of this snapshot. */
  static async begin(
    store: SnapshotStore,
    metadata: ChunkMetadata,
    crc32: Crc32,
  ): Promise<SnapshotReceipt> {
    return new SnapshotReceipt(await store.receive(metadata.label), metadata, crc32);
  }

  private constructor(writer: SnapshotWriter, metadata: ChunkMetadata, crc32: Crc32) {
    this.label = metadata.label;
    this.#metadata = metadata;
    this.#writer = writer;
    this.#crc32 = crc32;
    this.#wanted = Math.floor(writer.bytes / metadata.chunkBytes);
    this.#skip = writer.bytes - this.#wanted * metadata.chunkBytes;
  }

  get bytes(): number {
    return this.#writer.bytes;
  }

  get isComplete(): boolean {
    return this.bytes >= this.label.bytes;
  }

  /** The chunk that is wanted next. */
  get wanted(): number {
    return this.#wanted;
  }

  /**
   * Takes a chunk; one that is not wanted now was asked for in vain and needs no answer.
   *
   * @throws RangeError for a chunk of a wrong size, and when too many were damaged
   */
  async take({ chunk, totalChunks }: ChunkFrame): Promise<Ack | undefined> {
    const { sequence, crc32, data } = chunk;
    if (sequence !== this.#wanted) return undefined;
    const { label, chunkBytes } = this.#metadata;
    const size = chunkSize(this.#metadata, sequence);
    if (data.length !== size || totalChunks !== chunkCount(label.bytes, chunkBytes)) {
      throw new RangeError(
        `chunk ${sequence} of ${totalChunks} has ${data.length} bytes, not ${size}`,
      );
    }
    if (this.#crc32(data) !== crc32) {
      this.#mismatches++;
      if (this.#mismatches > mismatchesMax) {
        throw new RangeError(`${this.#mismatches} chunks had a wrong checksum`);
      }
      return { seq: sequence, status: ChunkStatus.CHECKSUM_MISMATCH, nextRequested: sequence };
    }
    await this.#writer.write(this.#skip === 0 ? data : data.subarray(this.#skip));
    this.#skip = 0;
    this.#wanted++;
    return { seq: sequence, status: ChunkStatus.ACCEPTED, nextRequested: this.#wanted };
  }

  /** Makes it durable; rejects with `DATA_CORRUPTION` when the whole is not what was announced. */
  async commit(): Promise<SnapshotLabel> {
    try {
      return await this.#writer.commit();
    } catch (error) {
      await this.#writer.abort();
      throw error;
    }
  }

  /** Keeps what has come for the next attempt. */
  suspend(): Promise<void> {
    return this.#writer.suspend();
  }
}
