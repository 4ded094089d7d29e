import {
  EngineError,
  type LogId,
  type SnapshotFile,
  type SnapshotLabel,
  type SnapshotStore,
  type SnapshotWriter,
} from "@d-engine/core";
import { type NewSha256, sameBytes } from "../sha256.js";
import { sameLabel } from "../snapshots/same-label.js";
import {
  beyondLabel,
  notRetained,
  storeClosed,
  transferCorruption,
  writerEnded,
} from "../snapshots/snapshot-errors.js";

interface StoredSnapshot {
  readonly label: SnapshotLabel;
  readonly content: Uint8Array;
  /** How often it is open. */
  holds: number;
}

/** Snapshots as arrays: what outlives the stores that are opened on it. */
export interface MemorySnapshotContent {
  /** Oldest first. */
  complete: StoredSnapshot[];
  partial: { readonly label: SnapshotLabel; readonly content: Uint8Array } | undefined;
}

export function newMemorySnapshotContent(): MemorySnapshotContent {
  return { complete: [], partial: undefined };
}

/** The snapshots of a `MemoryStorage`. */
export class MemorySnapshotStore implements SnapshotStore {
  readonly #content: MemorySnapshotContent;
  readonly #sha256: NewSha256;
  readonly #kept: number;
  #receiver: MemorySnapshotWriter | undefined;
  #isClosed = false;
  #hasCrashed = false;

  constructor(content: MemorySnapshotContent, sha256: NewSha256, kept: number) {
    this.#content = content;
    this.#sha256 = sha256;
    this.#kept = kept;
    for (const stored of content.complete) stored.holds = 0;
  }

  get newest(): SnapshotLabel | undefined {
    return this.#content.complete.at(-1)?.label;
  }

  get retained(): readonly SnapshotLabel[] {
    return this.#content.complete.map(({ label }) => label);
  }

  async create(lastIncluded: LogId): Promise<SnapshotWriter> {
    this.#checkOpen();
    return new MemorySnapshotWriter([], undefined, {
      commit: (content) => this.#publish(lastIncluded, content),
      keep: () => undefined,
    });
  }

  async receive(label: SnapshotLabel): Promise<SnapshotWriter> {
    this.#checkOpen();
    await this.#receiver?.suspend();
    const partial = this.#content.partial;
    this.#content.partial = undefined;
    const isSame = partial !== undefined && sameLabel(partial.label, label);
    const writer = new MemorySnapshotWriter(isSame ? [partial.content] : [], label, {
      commit: (content) => {
        this.#checkReceived(label, content);
        return this.#publish(label.lastIncluded, content);
      },
      keep: (content) => {
        if (!this.#hasCrashed) this.#content.partial = { label, content };
      },
    });
    this.#receiver = writer;
    return writer;
  }

  async open(lastIncluded: LogId): Promise<SnapshotFile> {
    this.#checkOpen();
    const stored = this.#find(lastIncluded);
    if (stored === undefined) throw notRetained(lastIncluded, "memory");
    stored.holds++;
    return new MemorySnapshot(stored, () => {
      stored.holds--;
      this.#removeSurplus();
    });
  }

  /** Ends what is being written; what was received so far is kept. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#receiver?.suspend();
  }

  /** Loses what is being written. */
  crash(): void {
    this.#isClosed = true;
    this.#hasCrashed = true;
  }

  #publish(lastIncluded: LogId, content: Uint8Array): SnapshotLabel {
    this.#checkOpen();
    const known = this.#find(lastIncluded);
    if (known !== undefined) return known.label;
    const checksum = this.#hashOf(content);
    const label = { lastIncluded, checksum, bytes: content.length };
    const { complete } = this.#content;
    complete.push({ label, content, holds: 0 });
    complete.sort((a, b) => a.label.lastIncluded.index - b.label.lastIncluded.index);
    this.#removeSurplus();
    return label;
  }

  #checkReceived(label: SnapshotLabel, content: Uint8Array): void {
    const path = "the snapshot in memory";
    if (content.length !== label.bytes) {
      const what = `it has ${content.length} bytes, announced were ${label.bytes}`;
      throw transferCorruption(path, what);
    }
    if (sameBytes(this.#hashOf(content), label.checksum)) return;
    throw transferCorruption(path, "its SHA-256 is not the announced one");
  }

  #hashOf(content: Uint8Array): Uint8Array {
    const hash = this.#sha256();
    hash.update(content);
    return hash.digest();
  }

  #find({ index, term }: LogId): StoredSnapshot | undefined {
    return this.#content.complete.find(({ label: { lastIncluded } }) => {
      return lastIncluded.index === index && lastIncluded.term === term;
    });
  }

  #removeSurplus(): void {
    const { complete } = this.#content;
    const surplus = complete.slice(0, -this.#kept).filter(({ holds }) => holds === 0);
    this.#content.complete = complete.filter((stored) => !surplus.includes(stored));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw storeClosed();
  }
}

class MemorySnapshotWriter implements SnapshotWriter {
  readonly #pieces: Uint8Array[];
  readonly #label: SnapshotLabel | undefined;
  readonly #end: {
    commit(content: Uint8Array): SnapshotLabel;
    keep(content: Uint8Array): void;
  };
  #bytes: number;
  #hasEnded = false;

  constructor(
    pieces: Uint8Array[],
    label: SnapshotLabel | undefined,
    end: { commit(content: Uint8Array): SnapshotLabel; keep(content: Uint8Array): void },
  ) {
    this.#pieces = pieces;
    this.#label = label;
    this.#end = end;
    this.#bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#hasEnded) throw writerEnded();
    const total = this.#bytes + bytes.length;
    if (this.#label !== undefined && total > this.#label.bytes) {
      throw beyondLabel(total, this.#label.bytes);
    }
    this.#pieces.push(bytes.slice());
    this.#bytes = total;
  }

  async commit(): Promise<SnapshotLabel> {
    if (this.#hasEnded) throw writerEnded();
    this.#hasEnded = true;
    return this.#end.commit(this.#content());
  }

  async abort(): Promise<void> {
    this.#hasEnded = true;
  }

  async suspend(): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#end.keep(this.#content());
  }

  #content(): Uint8Array {
    const content = new Uint8Array(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      content.set(piece, at);
      at += piece.length;
    }
    return content;
  }
}

class MemorySnapshot implements SnapshotFile {
  readonly #stored: StoredSnapshot;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(stored: StoredSnapshot, onClose: () => void) {
    this.#stored = stored;
    this.#onClose = onClose;
  }

  get label(): SnapshotLabel {
    return this.#stored.label;
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    this.#checkOpen();
    return this.#stored.content.slice(position, position + length);
  }

  async *pieces(pieceBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.label.bytes; at += pieceBytes) yield this.read(at, pieceBytes);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new EngineError("CLOSED", "the snapshot was closed by its reader");
  }
}
