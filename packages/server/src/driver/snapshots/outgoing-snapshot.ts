import type {
  Clock,
  InstallSnapshotResponse,
  LogId,
  NodeId,
  Random,
  SnapshotChunk,
  SnapshotFile,
  SnapshotLabel,
  SnapshotStore,
  Term,
  Timer,
  Transport,
} from "@d-engine/core";
import type { Logger } from "../logger.js";
import type { Counters } from "../metrics.js";
import type { DriverOptions } from "../options.js";
import type { TokenBucket } from "./token-bucket.js";

export interface OutgoingSnapshotSetup {
  readonly self: NodeId;
  readonly snapshots: SnapshotStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly random: Random;
  readonly crc32: (data: Uint8Array) => number;
  readonly options: DriverOptions;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Shared by everything that this node sends. */
  readonly bucket: TokenBucket;
  /** What an answer takes at most, as a rule. */
  readonly answerTimeoutMs: number;
}

/** What came of a transfer: the label that the peer holds, or why it ended without. */
export type Sent =
  | { readonly kind: "installed"; readonly lastIncluded: LogId }
  | { readonly kind: "failed"; readonly reason: string }
  /** The peer does not answer, and another waits for its turn. */
  | { readonly kind: "silent" };

export interface OutgoingSnapshotEvents {
  /** Whether another peer waits for this transfer to end. */
  othersWait(): boolean;
  ended(sent: Sent): void;
}

/**
 * One snapshot on its way to one peer. One message is under way at a time: a window of chunks, or
 * the question which chunk is wanted next, which begins the transfer and follows every silence.
 * The peer's answer alone decides where it goes on, so that it survives loss, repetition and a
 * restart on either side.
 */
export class OutgoingSnapshot {
  readonly peer: NodeId;
  readonly term: Term;
  readonly label: SnapshotLabel;
  readonly #setup: OutgoingSnapshotSetup;
  readonly #events: OutgoingSnapshotEvents;
  readonly #totalChunks: number;
  #file: SnapshotFile | undefined;
  #reading: Promise<Uint8Array> | undefined;
  #timer: Timer | undefined;
  #ended = false;
  /** A window is being read, or waits for the bandwidth. */
  #preparing = false;
  /** The first chunk of the window under way; `undefined` while it is a question. */
  #sentFrom: number | undefined;
  #silences = 0;
  #wantedMost = 0;
  #restarts = 0;
  #reportedMs: number;

  constructor(
    setup: OutgoingSnapshotSetup,
    target: { readonly peer: NodeId; readonly term: Term; readonly label: SnapshotLabel },
    events: OutgoingSnapshotEvents,
  ) {
    this.#setup = setup;
    this.#events = events;
    this.peer = target.peer;
    this.term = target.term;
    this.label = target.label;
    this.#totalChunks = Math.ceil(target.label.bytes / setup.options.snapshotChunkBytes);
    this.#reportedMs = setup.clock.nowMs();
  }

  /** Opens the file and asks the peer where to begin. Resolves when that is done. */
  async start(): Promise<void> {
    const { snapshots, logger } = this.#setup;
    const { lastIncluded, bytes } = this.label;
    try {
      const file = await snapshots.open(lastIncluded);
      if (this.#ended) return await file.close();
      this.#file = file;
    } catch (error) {
      this.#fail(error);
      return;
    }
    logger.info(
      `sending the snapshot up to entry ${lastIncluded.index}, ${bytes} bytes, to node ${this.peer}`,
    );
    this.#ask();
  }

  answer(message: InstallSnapshotResponse): void {
    const { index, term } = this.label.lastIncluded;
    if (this.#ended || message.lastIncluded.index !== index) return;
    if (message.lastIncluded.term !== term) return;
    if (message.installed) {
      this.#end({ kind: "installed", lastIncluded: this.label.lastIncluded });
      return;
    }
    if (this.#preparing || this.#file === undefined) return;
    const { nextChunk } = message;
    if (!Number.isInteger(nextChunk) || nextChunk < 0 || nextChunk > this.#totalChunks) return;
    // The repeated answer to an earlier window would double every window from here on, for ever.
    // If it is new and asks for the same again, the question behind the silence tells.
    if (this.#sentFrom !== undefined && nextChunk <= this.#sentFrom) return;
    this.#silences = 0;
    this.#noteProgress(nextChunk);
    if (this.#ended) return;
    if (nextChunk < this.#totalChunks) void this.#sendWindow(nextChunk);
    else this.#awaitInstall();
  }

  /** Ends it without telling anybody. Resolves when the file is closed. */
  async stop(): Promise<void> {
    this.#ended = true;
    this.#timer?.cancel();
    const file = this.#file;
    this.#file = undefined;
    await this.#reading?.catch(() => undefined);
    await file?.close();
  }

  #ask(): void {
    this.#setup.counters.snapshotQuestions += 1;
    this.#sentFrom = undefined;
    this.#send([]);
  }

  /** The peer has it all and builds its state; it is asked now and then how that goes. */
  #awaitInstall(): void {
    this.#sentFrom = this.#totalChunks;
    this.#arm();
  }

  async #sendWindow(from: number): Promise<void> {
    const { options, clock, bucket } = this.#setup;
    this.#preparing = true;
    this.#timer?.cancel();
    const { snapshotChunkBytes: chunkBytes } = options;
    const position = from * chunkBytes;
    const length = Math.min(this.#windowChunks * chunkBytes, this.label.bytes - position);
    try {
      await this.#sleep(bucket.take(length, clock.nowMs()));
      if (this.#ended || this.#file === undefined) return;
      this.#reading = this.#file.read(position, length);
      const data = await this.#reading;
      if (this.#ended) return;
      this.#preparing = false;
      this.#sentFrom = from;
      this.#send(this.#chunksOf(data, from));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Smaller than allowed when the rate is low, so that it is not used up in one burst. */
  get #windowChunks(): number {
    const { options, bucket } = this.#setup;
    const fitting = Math.floor(bucket.burstBytes / options.snapshotChunkBytes);
    return Math.max(1, Math.min(options.snapshotWindowChunks, fitting));
  }

  #chunksOf(data: Uint8Array, from: number): SnapshotChunk[] {
    const { options, crc32, counters } = this.#setup;
    const chunks: SnapshotChunk[] = [];
    for (let at = 0; at < data.length; at += options.snapshotChunkBytes) {
      const part = data.subarray(at, at + options.snapshotChunkBytes);
      chunks.push({ sequence: from + chunks.length, crc32: crc32(part), data: part });
    }
    counters.snapshotChunksSent += chunks.length;
    counters.snapshotBytesSent += data.length;
    return chunks;
  }

  #send(chunks: readonly SnapshotChunk[]): void {
    const { transport, options, counters, self } = this.#setup;
    counters.messagesSent += 1;
    transport.send({
      to: this.peer,
      message: {
        kind: "installSnapshot",
        term: this.term,
        leaderId: self,
        label: this.label,
        totalChunks: this.#totalChunks,
        chunkBytes: options.snapshotChunkBytes,
        chunks,
      },
    });
    this.#arm();
  }

  /** Asks again after a silence, which is the longer the more often there was no answer. */
  #arm(): void {
    const { clock, random, answerTimeoutMs } = this.#setup;
    this.#timer?.cancel();
    const patience = 2 ** Math.min(this.#silences, silencesMax);
    const delayMs = answerTimeoutMs * patience * (1 + random.next());
    this.#timer = clock.setTimer(delayMs, () => {
      this.#silences += 1;
      // One that is cut off for good must not keep the others from theirs for as long (L3).
      const yields = this.#silences >= silencesBesideOthersMax && this.#events.othersWait();
      if (yields) this.#end({ kind: "silent" });
      else this.#ask();
    });
  }

  #sleep(delayMs: number): Promise<void> {
    if (delayMs === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#timer = this.#setup.clock.setTimer(delayMs, resolve);
    });
  }

  /** A peer that had it all and begins anew has found it damaged. */
  #noteProgress(nextChunk: number): void {
    if (nextChunk === 0 && this.#wantedMost === this.#totalChunks) {
      this.#restarts += 1;
      this.#wantedMost = 0;
      if (this.#restarts === restartsMax) {
        this.#end({ kind: "failed", reason: `it found the file damaged ${restartsMax} times` });
        return;
      }
    }
    this.#wantedMost = Math.max(this.#wantedMost, nextChunk);
    const { clock, logger } = this.#setup;
    const nowMs = clock.nowMs();
    if (nowMs - this.#reportedMs < reportEveryMs) return;
    this.#reportedMs = nowMs;
    const percent = Math.floor((100 * nextChunk) / this.#totalChunks);
    const what = `snapshot up to entry ${this.label.lastIncluded.index}`;
    logger.info(`${what}: node ${this.peer} has ${percent} % of ${this.label.bytes} bytes`);
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#end({ kind: "failed", reason });
  }

  #end(sent: Sent): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.cancel();
    this.#events.ended(sent);
  }
}

/** The wait for an answer doubles at most this often. */
const silencesMax = 4;
/** Silences in a row after which a peer gives way to others that wait. */
const silencesBesideOthersMax = 1;
const restartsMax = 3;
const reportEveryMs = 10_000;
