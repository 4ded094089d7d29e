import { sessionNumberOf } from "@d-engine/client";
import {
  encodeWatchAnswer,
  encodeWatchEvents,
  type KvPair,
  stringToKey,
  type WatchedChange,
} from "@d-engine/codec";
import type { EngineError } from "@d-engine/core";
import { type KvEvent, type KvRecord, recordValue, visibleLease } from "@d-engine/kv";
import { create, kvService, toBinary } from "@d-engine/proto";
import type { WatchMessage } from "../../driver/index.js";

type Response = kvService.WatchStreamResponse["response"];

/** Messages of `KvService.Watch`, each about the watch of one id. */
export function encodeCreated(id: bigint, revision: number): Uint8Array {
  const value = create(kvService.WatchCreatedSchema, { revision: BigInt(revision) });
  return encode(id, { case: "created", value });
}

/**
 * Encodes what watches have to say. An event that thousands of them have in turn is encoded once,
 * and copied behind the id of each.
 */
export class WatchMessageEncoder {
  #event: KvEvent | undefined;
  #events: Uint8Array = noBytes;

  encode(id: bigint, message: WatchMessage): Uint8Array {
    if (message.kind === "progress") {
      return encode(id, { case: "progress", value: BigInt(message.revision) });
    }
    return encodeWatchAnswer(Number(id), this.#encodedEvents(message.events, message.revision));
  }

  #encodedEvents(events: readonly KvEvent[], revision: number): Uint8Array {
    const [event] = events;
    if (events.length > 1 || event === undefined) {
      return encodeWatchEvents(events.map(changeOf), revision);
    }
    if (event === this.#event) return this.#events;
    this.#event = event;
    this.#events = encodeWatchEvents([changeOf(event)], revision);
    return this.#events;
  }
}

/** Without an error: because the client wanted it. */
export function encodeCanceled(id: bigint, error: EngineError | undefined): Uint8Array {
  const { code, message, oldestRevision } = error ?? {};
  const value = create(kvService.WatchCanceledSchema, {
    code: code === undefined ? 0 : sessionNumberOf(code),
    message: message ?? "",
    compactRevision: BigInt(oldestRevision ?? 0),
  });
  return encode(id, { case: "canceled", value });
}

function encode(id: bigint, response: Response): Uint8Array {
  const message = create(kvService.WatchStreamResponseSchema, { id, response });
  return toBinary(kvService.WatchStreamResponseSchema, message);
}

function changeOf({ revision, key, record, previous }: KvEvent): WatchedChange {
  const bytes = stringToKey(key);
  return {
    deleted: record === undefined,
    pair: record === undefined ? deletedPair(bytes, revision) : pairOf(bytes, record),
    previous: previous && pairOf(bytes, previous),
  };
}

function pairOf(key: Uint8Array, record: KvRecord): KvPair {
  const { createRevision, modRevision, version } = record;
  const lease = visibleLease(record.lease);
  return { key, value: recordValue(record), createRevision, modRevision, version, lease };
}

function deletedPair(key: Uint8Array, modRevision: number): KvPair {
  return { key, value: noBytes, createRevision: 0, modRevision, version: 0, lease: 0 };
}

const noBytes: Uint8Array = new Uint8Array(0);
