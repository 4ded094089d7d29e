import { LOG_ORIGIN, type LogId, type NodeId } from "@d-engine/core";
import { logIdFieldSize, readLogIdField, writeLogIdField } from "./log-id.js";
import { Reader } from "./reader.js";
import { newerVersion, refuseUnknownField } from "./unknown-field.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import { checkNodeId, checkUint64, Writer } from "./writer.js";

/**
 * The head of a snapshot: `d_engine.common.SnapshotMeta`, whose numbers of 128 bits are used as
 * follows.
 *
 * - `version_low` is the format, 1 in this version. A reader refuses every other one.
 * - `version_high` is a set of bits, one for each feature that a reader must know to read the
 *   records right. There is none yet, and a reader refuses every bit that it does not know.
 * - `created_at_low` counts the milliseconds from the beginning of 1970, UTC; 0 when nobody looked
 *   at a clock. `created_at_high` is 0.
 */
export interface SnapshotMeta {
  /** Milliseconds since 1970, for people; 0: unknown. */
  readonly createdAtMs: number;
  /** The node that wrote it. */
  readonly authorId: NodeId;
  /** The last entry whose effect the snapshot holds. */
  readonly lastIncluded: LogId;
}

/** The format of snapshots that this version writes and reads. */
export const SNAPSHOT_FORMAT = 1;

export const snapshotMetaTag = 0x0a;

const versionHighTag = 0x08;
const versionLowTag = 0x10;
const createdAtHighTag = 0x18;
const createdAtLowTag = 0x20;
const authorTag = 0x28;
const lastIncludedTag = 0x32;

/**
 * The beginning of a snapshot file, before its records.
 *
 * @throws CodecError for a number that has no encoding
 */
export function encodeSnapshotMeta(meta: SnapshotMeta): Uint8Array {
  checkUint64(meta.createdAtMs, "SnapshotMeta.created_at_low");
  checkNodeId(meta.authorId, "SnapshotMeta.author_id");
  const size =
    uintFieldSize(SNAPSHOT_FORMAT) +
    uintFieldSize(meta.createdAtMs) +
    uintFieldSize(meta.authorId) +
    logIdFieldSize(meta.lastIncluded);
  const writer = new Writer(new Uint8Array(delimitedSize(size)));
  writer.byte(snapshotMetaTag);
  writer.varint(size);
  writer.uint64Field(versionLowTag, SNAPSHOT_FORMAT, "SnapshotMeta.version_low");
  writer.uint64Field(createdAtLowTag, meta.createdAtMs, "SnapshotMeta.created_at_low");
  writer.nodeIdField(authorTag, meta.authorId, "SnapshotMeta.author_id");
  writeLogIdField(writer, lastIncludedTag, meta.lastIncluded, "SnapshotMeta.last_included");
  return writer.finish();
}

/** Reads `SnapshotMeta` from all of `bytes`, which lie at `origin` of the file. */
export function decodeSnapshotMeta(bytes: Uint8Array, origin: number): SnapshotMeta {
  const reader: Reader = new Reader(bytes, undefined, origin);
  let features = 0;
  let format = 0;
  let createdAtHigh = 0;
  let createdAtMs = 0;
  let authorId = 0;
  let lastIncluded: LogId | undefined;
  while (reader.hasMore()) {
    const tag = reader.tag(name);
    if (tag === versionHighTag) features = reader.uint64(`${name}.version_high`);
    else if (tag === versionLowTag) format = reader.uint64(`${name}.version_low`);
    else if (tag === createdAtHighTag) createdAtHigh = reader.uint64(`${name}.created_at_high`);
    else if (tag === createdAtLowTag) createdAtMs = reader.uint64(`${name}.created_at_low`);
    else if (tag === authorTag) authorId = reader.uint32(`${name}.author_id`);
    else if (tag === lastIncludedTag) {
      lastIncluded = readLogIdField(reader, lastIncluded ?? LOG_ORIGIN, `${name}.last_included`);
    } else refuseUnknownField(reader, name, tag, tag >>> 3 <= 6);
  }
  if (format !== SNAPSHOT_FORMAT) throw newerVersion(`the snapshot has format ${format}`);
  if (features !== 0) throw newerVersion(`the snapshot has features 0x${features.toString(16)}`);
  if (createdAtHigh !== 0) reader.fail(`${name}.created_at_high`, `${createdAtHigh}, not 0`);
  if (authorId === 0) reader.fail(`${name}.author_id`, "missing; node ids begin at 1");
  if (lastIncluded === undefined) reader.fail(`${name}.last_included`, "missing");
  return { createdAtMs, authorId: authorId as NodeId, lastIncluded };
}

const name = "SnapshotMeta";
