import type { InstallSnapshot, NodeId, SnapshotChunk } from "@d-engine/core";
import { type ChunkFrame, type ChunkMetadata, chunkCount, chunkSize } from "./snapshot-codec.js";

interface Head extends ChunkMetadata {
  readonly term: ChunkFrame["term"];
  readonly totalChunks: number;
}

/**
 * Gathers the chunks of one call into messages for the node. What one of our leaders sends is one
 * message; a snapshot that comes as a whole is cut into several, so that memory stays bounded.
 */
export class InstallWindow {
  readonly #from: NodeId;
  readonly #bytesMax: number;
  #head: Head | undefined;
  #chunks: SnapshotChunk[] = [];
  #bytes = 0;
  #nextSequence: number | undefined;
  /** The call only asks where to go on. */
  #isQuestion = false;

  constructor(from: NodeId, bytesMax: number) {
    this.#from = from;
    this.#bytesMax = bytesMax;
  }

  /** The sequence that comes next; `undefined` before the first chunk with data. */
  get nextSequence(): number | undefined {
    return this.#nextSequence;
  }

  /** No further chunk fits: take the message first. */
  get isFull(): boolean {
    const next = this.#head?.chunkBytes ?? 0;
    return this.#chunks.length > 0 && this.#bytes + next > this.#bytesMax;
  }

  /** @throws RangeError for a chunk that breaks a rule of the contract, naming it */
  add(frame: ChunkFrame): void {
    const head = this.#head ?? this.#begin(frame);
    const { sequence, data } = frame.chunk;
    if (frame.leaderId !== this.#from) {
      throw new RangeError(`node ${this.#from} sent a chunk of leader ${frame.leaderId}`);
    }
    if (frame.term !== head.term || frame.totalChunks !== head.totalChunks) {
      throw new RangeError(`chunk ${sequence} has another term or number of chunks than the first`);
    }
    if (this.#isQuestion) throw new RangeError("chunks follow an empty one");
    if (data.length === 0 && this.#nextSequence === undefined) {
      this.#isQuestion = true;
      return;
    }
    if (this.#nextSequence !== undefined && sequence !== this.#nextSequence) {
      throw new RangeError(`chunk ${sequence} follows chunk ${this.#nextSequence - 1}`);
    }
    const size = chunkSize(head, sequence);
    if (sequence >= head.totalChunks || data.length !== size) {
      throw new RangeError(
        `chunk ${sequence} of ${head.totalChunks} has ${data.length} bytes, not ${size}`,
      );
    }
    this.#chunks.push(frame.chunk);
    this.#bytes += data.length;
    this.#nextSequence = sequence + 1;
  }

  /** What was gathered since the last call, if anything, as a message. */
  take(): InstallSnapshot | undefined {
    const head = this.#head;
    if (head === undefined || (this.#chunks.length === 0 && !this.#isQuestion)) return undefined;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#bytes = 0;
    this.#isQuestion = false;
    return { kind: "installSnapshot", leaderId: this.#from, ...head, chunks };
  }

  #begin({ term, totalChunks, metadata }: ChunkFrame): Head {
    if (metadata === undefined) throw new RangeError("the first chunk has no metadata");
    const { label, chunkBytes } = metadata;
    if (chunkCount(label.bytes, chunkBytes) !== totalChunks) {
      throw new RangeError(
        `${label.bytes} bytes in chunks of ${chunkBytes} are not ${totalChunks} chunks`,
      );
    }
    this.#head = { term, totalChunks, label, chunkBytes };
    return this.#head;
  }
}
