import {
  bytesToUtf8,
  decodeCommandResult,
  keyToString,
  newerVersion,
  type Reader,
  refuseUnknownField,
  stringToKey,
  utf8ToBytes,
  varintSize,
  Writer,
} from "@d-engine/codec";
import { ENGINE_ERRORS, type EngineErrorCode } from "@d-engine/core";
import type { StoredOutcome } from "./stored-outcome.js";

/** The values of sessions in a snapshot: messages of `d_engine.kv.v1`. */

const acknowledgedTag = 0x08;

const ownerTag = 0x12;

/** `SessionRecord`. */
export interface StoredSession {
  readonly acknowledged: number;
  readonly owner: string;
}

export function encodeSession({ acknowledged, owner }: StoredSession): Uint8Array {
  const ownerSize = owner === "" ? 0 : 2 + owner.length;
  const writer = new Writer(new Uint8Array(numberSize(acknowledged) + ownerSize));
  writer.uint64Field(acknowledgedTag, acknowledged, "SessionRecord.acknowledged");
  writeBytes(writer, ownerTag, stringToKey(owner));
  return writer.finish();
}

/** @throws CodecError, EngineError `VERSION_MISMATCH` */
export function readSession(reader: Reader): StoredSession {
  let acknowledged = 0;
  let owner = "";
  while (reader.hasMore()) {
    const tag = reader.tag("SessionRecord");
    if (tag === acknowledgedTag) acknowledged = reader.uint64("SessionRecord.acknowledged");
    else if (tag === ownerTag) owner = keyToString(reader.byteField("SessionRecord.owner"));
    else refuseUnknownField(reader, "SessionRecord", tag, tag >>> 3 <= 2);
  }
  return { acknowledged, owner };
}

const succeededTag = 0x08;
const revisionTag = 0x10;
const existedTag = 0x18;
const detailTag = 0x22;
const codeTag = 0x2a;
const messageTag = 0x32;

/** `SessionOutcome`. */
export function encodeOutcome(outcome: StoredOutcome): Uint8Array {
  const { succeeded, revision, existed, detail, refusal } = outcome;
  const code = utf8ToBytes(refusal?.code ?? "");
  const message = utf8ToBytes(refusal?.message ?? "");
  const writer = new Writer();
  writer.ensure(outcomeFrameMax + detail.length + code.length + message.length);
  writer.uint64Field(succeededTag, succeeded ? 1 : 0, "SessionOutcome.succeeded");
  writer.uint64Field(revisionTag, revision, "SessionOutcome.revision");
  writer.uint64Field(existedTag, existed ? 1 : 0, "SessionOutcome.existed");
  writeBytes(writer, detailTag, detail);
  writeBytes(writer, codeTag, code);
  writeBytes(writer, messageTag, message);
  return writer.finish().slice();
}

/**
 * An outcome with bytes of its own.
 *
 * @throws CodecError, EngineError `VERSION_MISMATCH`
 */
export function readOutcome(reader: Reader): StoredOutcome {
  let succeeded = false;
  let revision = 0;
  let existed = false;
  let detail = noBytes;
  let code = noBytes;
  let message = noBytes;
  while (reader.hasMore()) {
    const tag = reader.tag("SessionOutcome");
    if (tag === succeededTag) succeeded = reader.uint64("SessionOutcome.succeeded") !== 0;
    else if (tag === revisionTag) revision = reader.uint64("SessionOutcome.revision");
    else if (tag === existedTag) existed = reader.uint64("SessionOutcome.existed") !== 0;
    else if (tag === detailTag) detail = reader.byteField("SessionOutcome.detail");
    else if (tag === codeTag) code = reader.byteField("SessionOutcome.refusal_code");
    else if (tag === messageTag) message = reader.byteField("SessionOutcome.refusal_message");
    else refuseUnknownField(reader, "SessionOutcome", tag, tag >>> 3 <= 6);
  }
  // Not only when somebody asks for it, on one node alone.
  if (detail.length > 0) decodeCommandResult(detail);
  const refusal =
    code.length === 0
      ? undefined
      : { code: errorCode(bytesToUtf8(code)), message: bytesToUtf8(message) };
  // A copy: a view would hold on to the piece of a file that it lies in.
  return { succeeded, revision, existed, detail: new Uint8Array(detail), refusal };
}

function errorCode(name: string): EngineErrorCode {
  if (Object.hasOwn(ENGINE_ERRORS, name)) return name as EngineErrorCode;
  throw newerVersion(`the snapshot has a result that was refused with ${name}`);
}

function writeBytes(writer: Writer, tag: number, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  writer.byte(tag);
  writer.varint(bytes.length);
  writer.raw(bytes);
}

function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

/** Tags, lengths and numbers of an outcome take no more. */
const outcomeFrameMax = 64;
const noBytes: Uint8Array = new Uint8Array(0);
