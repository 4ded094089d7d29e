import type { SnapshotRecord } from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import { decodeSnapshotMeta, type SnapshotMeta, snapshotMetaTag } from "./snapshot-meta.js";
import { decodeSnapshotRecord, snapshotRecordTag } from "./snapshot-records.js";
import { newerVersion } from "./unknown-field.js";
import { END_GROUP, FIXED32, uint32Max } from "./wire-type.js";

/** Bounds of a `SnapshotDecoder`. */
export interface SnapshotDecoderOptions {
  /**
   * Longest record, in bytes. A longer one is refused before it is gathered.
   * @defaultValue 2^30 + 2^20: the longest value of a store, its key, and room for both frames
   */
  readonly recordBytesMax?: number;
}

/**
 * Reads a snapshot file piece by piece: one `d_engine.common.Snapshot`, that is the meta and then
 * the records, each a frame of tag, length and body.
 *
 * Stricter than protobuf where a mistake would lose data: the meta comes first and once, and what
 * only a newer version can have written is refused with `VERSION_MISMATCH`. Everything else that
 * is not a snapshot is a `CodecError` with the offset in the file. After an error the decoder
 * repeats it.
 *
 * What is held between two pieces is the part of one frame that came already: bounded by
 * `recordBytesMax`, and never more than twice what was received of it.
 *
 * @example
 * const decoder = new SnapshotDecoder();
 * for await (const piece of file.pieces(256 * 1024)) {
 *   for (const record of decoder.push(piece)) restoration.add(record);
 * }
 * decoder.end();
 */
export class SnapshotDecoder {
  readonly #recordBytesMax: number;
  #meta: SnapshotMeta | undefined;
  #failure: { readonly error: unknown } | undefined;
  /** Offset in the file of the piece that is being read, and of the next one in between. */
  #origin = 0;
  #expected: "tag" | "length" | "body" = "tag";
  #varint = 0;
  #varintBytes = 0;
  #tag = 0;
  #bodyBytes = 0;
  #bodyOffset = 0;
  #gathered = noBytes;
  #gatheredBytes = 0;

  constructor(options: SnapshotDecoderOptions = {}) {
    this.#recordBytesMax = options.recordBytesMax ?? recordBytesMaxDefault;
  }

  /** The head of the file; `undefined` until enough of it was pushed. */
  get meta(): SnapshotMeta | undefined {
    return this.#meta;
  }

  /** Bytes pushed so far. */
  get bytes(): number {
    return this.#origin;
  }

  /**
   * Takes the next piece, of any size, and returns the records that end in it. They are views of
   * the piece: copy what outlives it.
   */
  push(piece: Uint8Array): readonly SnapshotRecord[] {
    return this.#guarded(() => {
      const records: SnapshotRecord[] = [];
      let at = 0;
      while (at < piece.length) {
        at = this.#expected === "body" ? this.#gather(piece, at) : this.#head(piece, at);
        if (this.#expected === "body" && this.#bodyBytes === this.#gatheredBytes) {
          const record = this.#finishFrame();
          if (record !== undefined) records.push(record);
        }
      }
      this.#origin += piece.length;
      return records;
    });
  }

  /** To be called behind the last piece: throws when the file was cut within a frame. */
  end(): SnapshotMeta {
    return this.#guarded(() => {
      if (this.#expected !== "tag" || this.#varintBytes > 0) {
        this.#fail("Snapshot", "ends within a frame", 0);
      }
      return this.#meta ?? this.#fail("Snapshot.meta", "missing", 0);
    });
  }

  #guarded<T>(read: () => T): T {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return read();
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  /** Takes one byte of a frame's tag or length. */
  #head(piece: Uint8Array, at: number): number {
    const byte = piece[at]!;
    this.#varint += (byte & 0x7f) * 2 ** (7 * this.#varintBytes++);
    const isTag = this.#expected === "tag";
    if (byte >= 0x80) {
      if (this.#varintBytes < (isTag ? 5 : 8)) return at + 1;
      this.#fail("Snapshot", `the ${this.#expected} of a frame is longer than any`, at);
    }
    const value = this.#varint;
    this.#varint = 0;
    this.#varintBytes = 0;
    if (isTag) this.#beginFrame(value, at);
    else this.#beginBody(value, at);
    return at + 1;
  }

  #beginFrame(tag: number, at: number): void {
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    const isBroken = tag > uint32Max || number === 0 || wireType > FIXED32;
    if (isBroken || wireType === END_GROUP) this.#fail("Snapshot", `no field has tag ${tag}`, at);
    if (number > 2) throw newerVersion(`the snapshot has field ${number} at byte ${this.#at(at)}`);
    if (tag !== snapshotMetaTag && tag !== snapshotRecordTag) {
      this.#fail(`Snapshot field ${number}`, `unexpected wire type ${wireType}`, at);
    }
    const isMeta = tag === snapshotMetaTag;
    if (isMeta && this.#meta !== undefined) this.#fail("Snapshot.meta", "comes twice", at);
    if (!isMeta && this.#meta === undefined) {
      this.#fail("Snapshot.meta", "missing before the first record", at);
    }
    this.#tag = tag;
    this.#expected = "length";
  }

  #beginBody(length: number, at: number): void {
    const isMeta = this.#tag === snapshotMetaTag;
    const bound = isMeta ? metaBytesMax : this.#recordBytesMax;
    if (length > bound) {
      const field = isMeta ? "Snapshot.meta" : "Snapshot.data";
      this.#fail(field, `${length} bytes announced, at most ${bound} are allowed`, at);
    }
    this.#expected = "body";
    this.#bodyBytes = length;
    this.#bodyOffset = this.#at(at + 1);
    this.#gathered = noBytes;
    this.#gatheredBytes = 0;
  }

  /** Takes what the piece has of the body: as a view when that is all of it. */
  #gather(piece: Uint8Array, at: number): number {
    const end = Math.min(piece.length, at + this.#bodyBytes - this.#gatheredBytes);
    const part = piece.subarray(at, end);
    if (part.length === this.#bodyBytes) {
      this.#gathered = part;
    } else {
      this.#makeRoom(this.#gatheredBytes + part.length);
      this.#gathered.set(part, this.#gatheredBytes);
    }
    this.#gatheredBytes += part.length;
    return end;
  }

  /** Grows with what has come, so that a damaged length alone costs no memory. */
  #makeRoom(bytes: number): void {
    if (bytes <= this.#gathered.length) return;
    const grown = new Uint8Array(Math.min(this.#bodyBytes, bytes * 2));
    grown.set(this.#gathered.subarray(0, this.#gatheredBytes));
    this.#gathered = grown;
  }

  #finishFrame(): SnapshotRecord | undefined {
    const body = this.#gathered;
    this.#gathered = noBytes;
    this.#expected = "tag";
    if (this.#tag === snapshotRecordTag) return decodeSnapshotRecord(body, this.#bodyOffset);
    this.#meta = decodeSnapshotMeta(body, this.#bodyOffset);
    return undefined;
  }

  #at(at: number): number {
    return this.#origin + at;
  }

  #fail(field: string, reason: string, at: number): never {
    throw new CodecError(field, reason, this.#at(at));
  }
}

const noBytes: Uint8Array = new Uint8Array(0);
const recordBytesMaxDefault = 2 ** 30 + 2 ** 20;
/** Many times what any meta takes. */
const metaBytesMax = 4096;
