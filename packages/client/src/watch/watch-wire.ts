import type { KeySpan } from "@d-engine/codec";
import { assertNever, EngineError } from "@d-engine/core";
import { create, fromBinary, type kvCommand, kvService, toBinary } from "@d-engine/proto";
import { safeNumber } from "../wire-messages.js";
import type { KeyRecord, WatchEvent } from "./watch-types.js";

/** What a client says in a stream of watches. */
export type WatchInput =
  | ({
      readonly kind: "create";
      readonly id: number;
      /** 0: from now on. */
      readonly startRevision: number;
      readonly previous: boolean;
      readonly noPut: boolean;
      readonly noDelete: boolean;
    } & KeySpan)
  | { readonly kind: "cancel"; readonly id: number }
  | { readonly kind: "progress"; readonly id: number };

/** What a node says in a stream of watches; bytes belong to the reader. */
export type WatchOutput = { readonly id: number } & (
  | { readonly kind: "created"; readonly revision: number }
  | {
      readonly kind: "events";
      readonly events: readonly WatchEvent[];
      readonly revision: number;
      /** Of the message, or the part of it that is for this watch. */
      readonly bytes: number;
    }
  | { readonly kind: "progress"; readonly revision: number }
  | {
      readonly kind: "canceled";
      /** A number of sessions; 0: because the client wanted it. */
      readonly code: number;
      readonly message: string;
      /** Where the history does not reach back: what is left of it. */
      readonly oldestRevision?: number;
    }
);

export function encodeWatchInput(input: WatchInput): Uint8Array {
  const schema = kvService.WatchStreamRequestSchema;
  return toBinary(schema, create(schema, { request: requestOf(input) }));
}

function requestOf(input: WatchInput): kvService.WatchStreamRequest["request"] {
  switch (input.kind) {
    case "create": {
      const { id, key, rangeEnd, startRevision, previous, noPut, noDelete } = input;
      const value = create(kvService.WatchCreateSchema, {
        id: BigInt(id),
        key,
        ...(rangeEnd === undefined ? {} : { rangeEnd }),
        startRevision: BigInt(startRevision),
        prevKv: previous,
        noPut,
        noDelete,
        progress: true,
        joined: true,
      });
      return { case: "create", value };
    }
    case "cancel":
      return { case: "cancel", value: BigInt(input.id) };
    case "progress":
      return { case: "progress", value: BigInt(input.id) };
    default:
      return assertNever(input);
  }
}

/**
 * What one message says, in its order. Throws `INVALID_RESPONSE` for what cannot be read, an answer
 * of a later version included.
 */
export function decodeWatchOutputs(body: Uint8Array): readonly WatchOutput[] {
  const answer = decode(body);
  const answers = [answer, ...answer.more];
  // Of the bytes of a message that many watches share, each bears its part.
  const bytes = Math.ceil(body.length / answers.length);
  return answers.map((each) => outputOf(each, bytes));
}

function outputOf(
  { id: wireId, response }: kvService.WatchStreamResponse,
  bytes: number,
): WatchOutput {
  const id = safeNumber(wireId, "id");
  switch (response.case) {
    case "created":
      return { kind: "created", id, revision: safeNumber(response.value.revision, "revision") };
    case "progress":
      return { kind: "progress", id, revision: safeNumber(response.value, "progress") };
    case "canceled": {
      const { code, message, compactRevision } = response.value;
      const oldestRevision = safeNumber(compactRevision, "compact_revision");
      const oldest = oldestRevision === 0 ? {} : { oldestRevision };
      return { kind: "canceled", id, code, message, ...oldest };
    }
    case "events": {
      const events = response.value.events.map(eventOf);
      const revision = safeNumber(response.value.revision, "revision");
      return { kind: "events", id, events, revision, bytes };
    }
    case undefined:
      throw unreadable("an answer in a stream of watches says nothing");
    default:
      return assertNever(response);
  }
}

function decode(body: Uint8Array): kvService.WatchStreamResponse {
  try {
    return fromBinary(kvService.WatchStreamResponseSchema, body);
  } catch (cause) {
    throw unreadable(`${body.length} bytes are no answer of a stream of watches`, cause);
  }
}

function eventOf({ deleted, kv, prevKv }: kvService.WatchEvent): WatchEvent {
  if (kv === undefined) throw unreadable("an event names no key");
  const previous = prevKv === undefined ? undefined : recordOf(prevKv);
  const revision = safeNumber(kv.modRevision, "mod_revision");
  if (deleted) return { kind: "delete", revision, key: new Uint8Array(kv.key), previous };
  return { kind: "put", revision, record: recordOf(kv), previous };
}

function recordOf(pair: kvCommand.KeyValue): KeyRecord {
  return {
    // Views of the message would keep all of it for as long as one of them.
    key: new Uint8Array(pair.key),
    value: new Uint8Array(pair.value),
    createRevision: safeNumber(pair.createRevision, "create_revision"),
    modRevision: safeNumber(pair.modRevision, "mod_revision"),
    version: safeNumber(pair.version, "version"),
    lease: safeNumber(pair.lease, "lease"),
  };
}

function unreadable(message: string, cause?: unknown): EngineError {
  return new EngineError("INVALID_RESPONSE", message, { cause });
}
