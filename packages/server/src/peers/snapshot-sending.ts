import { crc32 } from "node:zlib";
import { EngineError, type NodeId, type SnapshotFile, type Term } from "@d-engine/core";
import { storage } from "@d-engine/proto";
import { nodeClock } from "@d-engine/storage";
import { Pace } from "./pace.js";
import {
  type ChunkMetadata,
  type ChunkSender,
  chunkCount,
  chunkSize,
  encodeChunk,
} from "./snapshot-codec.js";

export interface SendingOptions {
  readonly chunkBytes: number;
  /** Chunks that may be unacknowledged. */
  readonly windowChunks: number;
  /** `Infinity` does not slow down. */
  readonly bytesPerSecondMax: number;
}

/** In `SnapshotAck.seq`: acknowledges the whole. */
export const FINAL_ACK = 0xffff_ffff;

const ChunkStatus = storage.SnapshotAck_ChunkStatus;

/**
 * Sends the chunks of one snapshot as far as its receiver acknowledges them. After the first word
 * of the receiver a single chunk is sent, whose metadata shows it whether it has a part of this
 * snapshot already; the window opens when it has said where to go on.
 */
export class SnapshotSending {
  /** Rejects when the file cannot be read or a chunk not be sent; never resolves. */
  readonly failed: Promise<never>;
  readonly #file: SnapshotFile;
  readonly #sender: ChunkSender;
  readonly #options: SendingOptions;
  readonly #write: (bytes: Uint8Array) => Promise<void>;
  readonly #pace: Pace;
  #fail!: (reason: unknown) => void;
  #metadata: ChunkMetadata | undefined;
  #next = 0;
  #acknowledged = 0;
  #acks = 0;
  #stopped = false;
  #pumping: Promise<void> | undefined;

  constructor(
    file: SnapshotFile,
    leader: { readonly term: Term; readonly leaderId: NodeId },
    options: SendingOptions,
    write: (bytes: Uint8Array) => Promise<void>,
  ) {
    this.#file = file;
    this.#metadata = { label: file.label, chunkBytes: options.chunkBytes };
    const totalChunks = chunkCount(file.label.bytes, options.chunkBytes);
    this.#sender = { ...leader, totalChunks };
    this.#options = options;
    this.#write = write;
    this.#pace = new Pace(options.bytesPerSecondMax, () => nodeClock.nowMs());
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined); // whoever waits for it hears of it
  }

  /**
   * Takes one acknowledgement; `over` when the receiver wants no more.
   *
   * @throws RangeError for one that makes no sense
   */
  acknowledged({ seq, status, nextRequested }: storage.SnapshotAck): "goesOn" | "over" {
    this.#acks++;
    switch (status) {
      case ChunkStatus.ACCEPTED:
        if (seq === FINAL_ACK) return "over";
        if (seq >= this.#next) throw new RangeError(`chunk ${seq} is acknowledged, but not sent`);
        this.#acknowledged = Math.max(this.#acknowledged, seq + 1);
        break;
      case ChunkStatus.CHECKSUM_MISMATCH:
        this.#seek(seq);
        break;
      case ChunkStatus.OUT_OF_ORDER:
      case ChunkStatus.REQUESTED:
        this.#seek(nextRequested);
        break;
      case ChunkStatus.FAILED:
        return "over";
      default:
        throw new RangeError(`${status} is no status of an acknowledgement`);
    }
    // Only when there is something to send: a pump that ends at once would never be forgotten.
    if (this.#mayGoOn) this.#pumping ??= this.#pump();
    return "goesOn";
  }

  /** Resolves when nothing is read or sent any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#pumping;
  }

  #seek(sequence: number): void {
    const { totalChunks } = this.#sender;
    if (sequence > totalChunks) {
      throw new RangeError(`chunk ${sequence} of ${totalChunks} is asked for`);
    }
    this.#next = sequence;
    this.#acknowledged = sequence;
  }

  async #pump(): Promise<void> {
    try {
      while (this.#mayGoOn) await this.#sendNext();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = undefined;
    }
  }

  get #mayGoOn(): boolean {
    const window = this.#acks > 1 ? this.#options.windowChunks : 1;
    return (
      !this.#stopped &&
      this.#next < this.#sender.totalChunks &&
      this.#next < this.#acknowledged + window
    );
  }

  async #sendNext(): Promise<void> {
    // Taken before anything is awaited: the receiver may seek meanwhile.
    const sequence = this.#next++;
    const { chunkBytes } = this.#options;
    const { label } = this.#file;
    const data = await this.#file.read(sequence * chunkBytes, chunkBytes);
    if (data.length !== chunkSize({ label, chunkBytes }, sequence)) {
      throw new EngineError("DATA_CORRUPTION", `the snapshot is shorter than ${label.bytes} bytes`);
    }
    await pause(this.#pace.take(data.length));
    if (this.#stopped) return;
    const metadata = this.#metadata;
    this.#metadata = undefined;
    await this.#write(encodeChunk(this.#sender, { sequence, crc32: crc32(data), data }, metadata));
  }
}

function pause(ms: number): Promise<void> | undefined {
  return ms === 0 ? undefined : new Promise((resolve) => nodeClock.setTimer(ms, resolve));
}
