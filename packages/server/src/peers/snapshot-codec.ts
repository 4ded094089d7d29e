import {
  type InstallSnapshot,
  type InstallSnapshotResponse,
  type LogId,
  logIndex,
  type NodeId,
  nodeId,
  type SnapshotChunk,
  type SnapshotLabel,
  type Term,
  term,
} from "@d-engine/core";
import { create, fromBinary, storage, toBinary } from "@d-engine/proto";

/** One `SnapshotChunk` message of the wire. Numbers are in range, sizes are not compared yet. */
export interface ChunkFrame {
  readonly term: Term;
  readonly leaderId: NodeId;
  readonly totalChunks: number;
  /** In the first message of a call. */
  readonly metadata: ChunkMetadata | undefined;
  readonly chunk: SnapshotChunk;
}

export interface ChunkMetadata {
  readonly label: SnapshotLabel;
  readonly chunkBytes: number;
}

/** What every message of a call repeats. */
export type ChunkSender = Pick<ChunkFrame, "term" | "leaderId" | "totalChunks">;

const checksumBytes = 32;

/** Made one by one, as they can be sent: a message without chunks is one empty chunk. */
export function* encodeInstallSnapshot(message: InstallSnapshot): Generator<Uint8Array, undefined> {
  const { label, chunkBytes } = message;
  const chunks = message.chunks.length > 0 ? message.chunks : [noChunk];
  let metadata: ChunkMetadata | undefined = { label, chunkBytes };
  for (const chunk of chunks) {
    yield encodeChunk(message, chunk, metadata);
    metadata = undefined;
  }
  return undefined;
}

const noChunk: SnapshotChunk = { sequence: 0, crc32: 0, data: new Uint8Array(0) };

export function encodeChunk(
  sender: ChunkSender,
  { sequence, crc32, data }: SnapshotChunk,
  metadata: ChunkMetadata | undefined,
): Uint8Array {
  const checksum = new Uint8Array(4);
  new DataView(checksum.buffer).setUint32(0, crc32);
  const frame = create(storage.SnapshotChunkSchema, {
    leaderTerm: BigInt(sender.term),
    leaderId: sender.leaderId,
    seq: sequence,
    totalChunks: sender.totalChunks,
    chunkChecksum: checksum,
    data,
  });
  if (metadata !== undefined)
    frame.metadata = snapshotMetadata(metadata.label, metadata.chunkBytes);
  return toBinary(storage.SnapshotChunkSchema, frame);
}

/** @throws RangeError or the decoder's error for bytes that are no chunk */
export function decodeChunk(bytes: Uint8Array): ChunkFrame {
  const frame = fromBinary(storage.SnapshotChunkSchema, bytes);
  const { metadata, chunkChecksum: sum } = frame;
  if (sum.length !== 4) throw new RangeError(`chunk_checksum has ${sum.length} bytes, not 4`);
  const crc32 = new DataView(sum.buffer, sum.byteOffset, sum.byteLength).getUint32(0);
  return {
    term: term(Number(frame.leaderTerm)),
    leaderId: nodeId(frame.leaderId),
    totalChunks: frame.totalChunks,
    metadata: metadata === undefined ? undefined : checkedMetadata(metadata),
    chunk: { sequence: frame.seq, crc32, data: frame.data },
  };
}

export function encodeSnapshotResponse(answer: InstallSnapshotResponse): Uint8Array {
  const response = create(storage.SnapshotResponseSchema, {
    term: BigInt(answer.term),
    success: answer.installed,
    nextChunk: answer.nextChunk,
  });
  return toBinary(storage.SnapshotResponseSchema, response);
}

/** The wire leaves out which snapshot an answer is about: the one of its call. */
export function decodeSnapshotResponse(
  bytes: Uint8Array,
  lastIncluded: LogId,
): InstallSnapshotResponse {
  const response = fromBinary(storage.SnapshotResponseSchema, bytes);
  return {
    kind: "installSnapshotResponse",
    term: term(Number(response.term)),
    lastIncluded,
    nextChunk: response.nextChunk,
    installed: response.success,
  };
}

/** How many chunks a snapshot of this size has. */
export function chunkCount(bytes: number, chunkBytes: number): number {
  return Math.ceil(bytes / chunkBytes);
}

/** The size that the chunk of this sequence must have. */
export function chunkSize({ label, chunkBytes }: ChunkMetadata, sequence: number): number {
  return Math.max(0, Math.min(chunkBytes, label.bytes - sequence * chunkBytes));
}

/** Tells the calls about one peer's snapshots apart. */
export function snapshotTag({ term, index }: LogId): string {
  return `${term}:${index}`;
}

/** What a snapshot is called on the wire; a transfer adds the size of its chunks. */
export function snapshotMetadata(
  { lastIncluded, checksum, bytes }: SnapshotLabel,
  chunkBytes = 0,
): storage.SnapshotMetadata {
  const { term, index } = lastIncluded;
  return create(storage.SnapshotMetadataSchema, {
    lastIncluded: { term: BigInt(term), index: BigInt(index) },
    checksum,
    bytes: BigInt(bytes),
    chunkBytes,
  });
}

function checkedMetadata(metadata: storage.SnapshotMetadata): ChunkMetadata {
  const { lastIncluded, checksum, bytes, chunkBytes } = metadata;
  if (lastIncluded === undefined) throw new RangeError("the metadata names no last_included");
  if (checksum.length !== checksumBytes) {
    throw new RangeError(`the checksum has ${checksum.length} bytes, not ${checksumBytes}`);
  }
  const size = Number(bytes);
  if (!Number.isSafeInteger(size) || size < 1 || chunkBytes < 1) {
    throw new RangeError(`a snapshot of ${bytes} bytes in chunks of ${chunkBytes}`);
  }
  const at = { term: term(Number(lastIncluded.term)), index: logIndex(Number(lastIncluded.index)) };
  return { label: { lastIncluded: at, checksum, bytes: size }, chunkBytes };
}
