import { sessionNumberOf } from "@d-engine/client";
import { stringToKey } from "@d-engine/codec";
import type { EngineError } from "@d-engine/core";
import { type KvEvent, type KvRecord, recordValue } from "@d-engine/kv";
import { create, kvCommand, kvService, toBinary } from "@d-engine/proto";
import type { WatchMessage } from "../../driver/index.js";

type Response = kvService.WatchStreamResponse["response"];

/** Messages of `KvService.Watch`, each about the watch of one id. */
export function encodeCreated(id: bigint, revision: number): Uint8Array {
  const value = create(kvService.WatchCreatedSchema, { revision: BigInt(revision) });
  return encode(id, { case: "created", value });
}

export function encodeMessage(id: bigint, message: WatchMessage): Uint8Array {
  const revision = BigInt(message.revision);
  if (message.kind === "progress") return encode(id, { case: "progress", value: revision });
  const events = message.events.map(eventMessage);
  const value = create(kvService.WatchEventsSchema, { events, revision });
  return encode(id, { case: "events", value });
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

function eventMessage({ revision, key, record, previous }: KvEvent): kvService.WatchEvent {
  const bytes = stringToKey(key);
  return create(kvService.WatchEventSchema, {
    deleted: record === undefined,
    kv:
      record === undefined
        ? create(kvCommand.KeyValueSchema, { key: bytes, modRevision: BigInt(revision) })
        : keyValue(bytes, record),
    ...(previous === undefined ? {} : { prevKv: keyValue(bytes, previous) }),
  });
}

function keyValue(key: Uint8Array, record: KvRecord): kvCommand.KeyValue {
  return create(kvCommand.KeyValueSchema, {
    key,
    value: recordValue(record),
    createRevision: BigInt(record.createRevision),
    modRevision: BigInt(record.modRevision),
    version: BigInt(record.version),
    lease: BigInt(record.lease),
  });
}
