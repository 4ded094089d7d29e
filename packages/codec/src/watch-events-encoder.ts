import { flagSize, writeFlag, writeHeader } from "./fields.js";
import type { KvPair } from "./kv-command.js";
import { pairSize, writePair } from "./kv-range-result-encoder.js";
import { delimitedSize, uintFieldSize } from "./wire-type.js";
import { Writer } from "./writer.js";

/** One change of one key, as watchers are told of it. */
export interface WatchedChange {
  readonly deleted: boolean;
  /** Of a delete: the key, and the revision of the delete as its mod revision. */
  readonly pair: KvPair;
  readonly previous: KvPair | undefined;
}

/**
 * Encodes `d_engine.kv.v1.WatchEvents`: all changes of one or of several whole revisions, of which
 * `revision` is the last.
 */
export function encodeWatchEvents(changes: readonly WatchedChange[], revision: number): Uint8Array {
  const sizes = changes.map(changeSize);
  const size = sizes.reduce((sum, each) => sum + delimitedSize(each), uintFieldSize(revision));
  const writer = new Writer(new Uint8Array(size));
  for (const [at, change] of changes.entries()) {
    writeHeader(writer, 0x0a, sizes[at]!);
    writeChange(writer, change);
  }
  writer.uint64Field(0x10, revision, "WatchEvents.revision");
  return writer.finish();
}

/** Encodes the `d_engine.kv.v1.WatchStreamResponse` that gives encoded events to the watch `id`. */
export function encodeWatchAnswer(id: number, events: Uint8Array): Uint8Array {
  const size = uintFieldSize(id) + delimitedSize(events.length);
  const writer = new Writer(new Uint8Array(size));
  writer.uint64Field(0x08, id, "WatchStreamResponse.id");
  writeHeader(writer, 0x1a, events.length);
  writer.raw(events);
  return writer.finish();
}

/** One `WatchStreamResponse` of several, at least one, of which none holds others. */
export function joinWatchAnswers(answers: readonly Uint8Array[]): Uint8Array {
  const [first, ...others] = answers as readonly [Uint8Array, ...Uint8Array[]];
  if (others.length === 0) return first;
  const size = others.reduce((sum, { length }) => sum + delimitedSize(length), first.length);
  const writer = new Writer(new Uint8Array(size));
  writer.raw(first);
  for (const answer of others) {
    writeHeader(writer, 0x32, answer.length);
    writer.raw(answer);
  }
  return writer.finish();
}

function changeSize({ deleted, pair, previous }: WatchedChange): number {
  const size = flagSize(deleted) + delimitedSize(pairSize(pair));
  return previous === undefined ? size : size + delimitedSize(pairSize(previous));
}

function writeChange(writer: Writer, { deleted, pair, previous }: WatchedChange): void {
  writeFlag(writer, 0x08, deleted);
  writeHeader(writer, 0x12, pairSize(pair));
  writePair(writer, pair);
  if (previous === undefined) return;
  writeHeader(writer, 0x1a, pairSize(previous));
  writePair(writer, previous);
}
