import {
  type Clock,
  EngineError,
  type InstallSnapshot,
  isEngineError,
  type MembershipConfiguration,
  type NodeId,
  type SnapshotLabel,
  type SnapshotStore,
  type SnapshotWriter,
  type StateRestoration,
  type Term,
} from "@d-engine/core";
import type { Logger } from "../logger.js";
import type { Counters } from "../metrics.js";
import { chunkCount, equalBytes } from "./chunk-window.js";
import { loadSnapshot } from "./state-loader.js";

export interface IncomingSnapshotSetup {
  readonly snapshots: SnapshotStore;
  readonly clock: Clock;
  readonly crc32: (data: Uint8Array) => number;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Begins a replacement of the state. */
  readonly restore: () => StateRestoration;
}

/** What a receipt tells the one who keeps it. */
export interface IncomingSnapshotEvents {
  /** To be told to the sender: the first chunk that is wanted next. */
  progress(to: NodeId, label: SnapshotLabel, nextChunk: number): void;
  /** Durable here, and its state is built beside the one in use. */
  built(built: BuiltSnapshot): void;
  /** Given up; it may come again from its beginning. */
  failed(error: unknown): void;
  /** Durable here, but of no use: the node can not go on without its state. */
  broken(error: Error): void;
}

export interface BuiltSnapshot {
  readonly label: SnapshotLabel;
  readonly configuration: MembershipConfiguration;
  readonly restoration: StateRestoration;
}

interface Offer {
  readonly from: NodeId;
  readonly message: InstallSnapshot;
}

/**
 * The receipt of one snapshot: takes chunks in order, each checked, until the file is complete;
 * then makes it durable and builds its state, while the node goes on with the old one. At most one
 * message waits while another is written.
 */
export class IncomingSnapshot {
  readonly label: SnapshotLabel;
  /** The newest term in which a leader sent of it. */
  term: Term;
  readonly #setup: IncomingSnapshotSetup;
  readonly #events: IncomingSnapshotEvents;
  #writer: SnapshotWriter | undefined;
  #waiting: Offer | undefined;
  #work: Promise<void> | undefined;
  #complete = false;
  #failed = false;
  #ended = false;

  constructor(
    setup: IncomingSnapshotSetup,
    start: { readonly label: SnapshotLabel; readonly term: Term },
    events: IncomingSnapshotEvents,
  ) {
    this.#setup = setup;
    this.#events = events;
    this.label = start.label;
    this.term = start.term;
  }

  /** Whether all of it is here, so that it needs no sender any more. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The same bytes: whoever sends them, and in chunks of whatever size (scenario 45). */
  isOf({ lastIncluded, checksum, bytes }: SnapshotLabel): boolean {
    const { label } = this;
    if (lastIncluded.index !== label.lastIncluded.index) return false;
    if (lastIncluded.term !== label.lastIncluded.term || bytes !== label.bytes) return false;
    return equalBytes(checksum, label.checksum);
  }

  offer(from: NodeId, message: InstallSnapshot): void {
    if (this.#ended) return;
    this.term = message.term;
    if (this.#complete) {
      this.#events.progress(from, this.label, message.totalChunks);
      return;
    }
    // A question does not take the place of chunks: who sent them would send them again.
    if (this.#waiting !== undefined && message.chunks.length === 0) return;
    this.#waiting = { from, message };
    if (this.#work === undefined) this.#start();
  }

  /** Ends it. What was received is kept, or removed with `discard`. Resolves when that is done. */
  async end(discard: boolean): Promise<void> {
    this.#ended = true;
    await this.#work;
    const writer = this.#writer;
    this.#writer = undefined;
    if (discard) await writer?.abort();
    else await writer?.suspend();
  }

  #start(): void {
    this.#work = this.#run().finally(() => {
      this.#work = undefined;
      if (this.#waiting !== undefined && !this.#ended && !this.#failed) this.#start();
    });
  }

  async #run(): Promise<void> {
    try {
      if (!this.#isStored) this.#writer ??= await this.#setup.snapshots.receive(this.label);
      for (let next = this.#take(); next !== undefined; next = this.#take())
        await this.#write(next);
    } catch (error) {
      this.#failed = true;
      if (this.#ended) return;
      await this.#discard();
      this.#events.failed(error);
    }
  }

  /** It was received before, but not installed. */
  get #isStored(): boolean {
    const { newest } = this.#setup.snapshots;
    return newest !== undefined && this.isOf(newest);
  }

  #take(): Offer | undefined {
    const waiting = this.#ended || this.#complete ? undefined : this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }

  async #write({ from, message }: Offer): Promise<void> {
    const { counters } = this.#setup;
    const { chunkBytes } = message;
    const writer = this.#writer;
    for (const { sequence, crc32, data } of writer === undefined ? [] : message.chunks) {
      const held = writer?.bytes ?? 0;
      const at = sequence * chunkBytes;
      if (at + data.length <= held) continue;
      if (at > held) break;
      if (this.#setup.crc32(data) !== crc32) {
        counters.snapshotChunksDamaged += 1;
        break;
      }
      await writer?.write(data.subarray(held - at));
      counters.snapshotChunksReceived += 1;
      if (this.#ended) break;
    }
    if (this.#ended) return;
    this.#complete = writer === undefined || writer.bytes === this.label.bytes;
    const nextChunk = Math.floor((writer?.bytes ?? this.label.bytes) / chunkBytes);
    const { label } = this;
    const total = chunkCount(label.bytes, chunkBytes);
    this.#events.progress(from, label, this.#complete ? total : nextChunk);
    if (this.#complete) await this.#finish(from);
  }

  async #finish(from: NodeId): Promise<void> {
    const { counters, logger } = this.#setup;
    try {
      await this.#writer?.commit();
      this.#writer = undefined;
    } catch (error) {
      if (!isEngineError(error, "DATA_CORRUPTION")) throw error;
      // Every chunk was whole, but together they are not what was announced (scenario 46).
      counters.snapshotReceiptsDamaged += 1;
      logger.error(`a snapshot received from node ${from} is damaged: ${error.message}`);
      await this.#discard();
      if (!this.#ended) this.#events.progress(from, this.label, 0);
      this.#complete = false;
      if (!this.#ended) this.#writer = await this.#setup.snapshots.receive(this.label);
      return;
    }
    if (!this.#ended) await this.#build();
  }

  async #build(): Promise<void> {
    const { snapshots, clock, restore } = this.#setup;
    const { label } = this;
    try {
      const file = await snapshots.open(label.lastIncluded);
      try {
        const restoration = restore();
        const checkWanted = (): void => {
          if (this.#ended) throw new EngineError("CLOSED", "the snapshot is not wanted any more");
        };
        const configuration = await loadSnapshot({ file, restoration, clock, checkWanted });
        checkWanted();
        this.#events.built({ label, configuration, restoration });
      } finally {
        await file.close();
      }
    } catch (error) {
      if (this.#ended) return;
      this.#events.broken(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #discard(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    await writer?.abort();
  }
}
