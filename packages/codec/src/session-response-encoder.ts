import { assertNever } from "@d-engine/core";
import { noBytes } from "./draft.js";
import {
  bytesFieldSize,
  flagSize,
  writeBytes,
  writeBytesField,
  writeFlag,
  writeHeader,
} from "./fields.js";
import type {
  SessionFailure,
  SessionHello,
  SessionResponse,
  SessionResult,
  SessionScanEntry,
  SessionWindow,
  SessionWriteResult,
} from "./session-message.js";
import { utf8Size, writeUtf8 } from "./utf8.js";
import { delimitedSize, uintFieldSize, varintSize } from "./wire-type.js";
import { checkUint64, Writer } from "./writer.js";

/** Encodes one answer. Throws `CodecError` for numbers out of range. */
export function encodeSessionResponse(response: SessionResponse): Uint8Array {
  const { hello, window, results, pong, draining } = response;
  let size = pong === undefined ? 0 : 1 + varintSize(pong);
  if (hello !== undefined) size += delimitedSize(helloSize(hello));
  if (window !== undefined) size += delimitedSize(windowSize(window));
  size += flagSize(draining === true);
  for (const result of results) size += delimitedSize(sessionResultSize(result));
  const writer = new Writer(new Uint8Array(size));
  if (hello !== undefined) writeHello(writer, hello);
  if (window !== undefined) writeWindow(writer, window);
  for (const result of results) writeResult(writer, result);
  if (pong !== undefined) writer.presentUint64Field(pongTag, pong, "SessionResponse.pong");
  writeFlag(writer, drainingTag, draining === true);
  return writer.finish();
}

/** Bytes of the `Result` message. */
export function sessionResultSize(result: SessionResult): number {
  const size = uintFieldSize(result.id) + delimitedSize(kindSize(result));
  return size + flagSize("more" in result && result.more);
}

/** Bytes that one value adds to a read's result. */
export function sessionValueSize(value: Uint8Array | undefined): number {
  return delimitedSize(value === undefined ? 0 : delimitedSize(value.length));
}

/** Bytes that one entry adds to a scan's result. */
export function sessionEntrySize(entry: SessionScanEntry): number {
  return delimitedSize(entrySize(entry));
}

const helloTag = 0x0a;
const windowTag = 0x12;
const resultsTag = 0x1a;
const pongTag = 0x20;
const drainingTag = 0x28;
const nodeIdTag = 0x08;
const operationsMaxTag = 0x08;
const operationBytesMaxTag = 0x10;
const messageBytesMaxTag = 0x18;
const idTag = 0x08;
const moreTag = 0x10;
const writeTag = 0x1a;
const readTag = 0x22;
const scanTag = 0x2a;
const failureTag = 0x32;
const queryTag = 0x3a;

function helloSize(hello: SessionHello): number {
  return uintFieldSize(hello.nodeId);
}

function windowSize(window: SessionWindow): number {
  const { operationsMax, operationBytesMax, messageBytesMax } = window;
  return (
    uintFieldSize(operationsMax) + uintFieldSize(operationBytesMax) + uintFieldSize(messageBytesMax)
  );
}

function writeHello(writer: Writer, hello: SessionHello): void {
  writeHeader(writer, helloTag, helloSize(hello));
  writer.uint64Field(nodeIdTag, hello.nodeId, "Hello.node_id");
}

function writeWindow(writer: Writer, window: SessionWindow): void {
  writeHeader(writer, windowTag, windowSize(window));
  writer.uint64Field(operationsMaxTag, window.operationsMax, "Window.operations_max");
  writer.uint64Field(operationBytesMaxTag, window.operationBytesMax, "Window.operation_bytes_max");
  writer.uint64Field(messageBytesMaxTag, window.messageBytesMax, "Window.message_bytes_max");
}

/** Bytes of the field that holds what came of the operation, without its tag and length. */
function kindSize(result: SessionResult): number {
  switch (result.kind) {
    case "write":
      return (
        flagSize(result.succeeded) +
        uintFieldSize(result.revision) +
        flagSize(result.existed) +
        bytesFieldSize(result.detail ?? noBytes)
      );
    case "read":
      return result.values.reduce((size, value) => size + sessionValueSize(value), 0);
    case "scan":
      return result.entries.reduce(
        (size, entry) => size + sessionEntrySize(entry),
        uintFieldSize(result.revision),
      );
    case "query":
      return result.answer.length;
    case "failure":
      return failureSize(result);
    default:
      return assertNever(result);
  }
}

function writeResult(writer: Writer, result: SessionResult): void {
  writeHeader(writer, resultsTag, sessionResultSize(result));
  writer.uint64Field(idTag, result.id, "Result.id");
  writeFlag(writer, moreTag, "more" in result && result.more);
  switch (result.kind) {
    case "write":
      writeWriteResult(writer, result);
      break;
    case "read":
      writeHeader(writer, readTag, kindSize(result));
      for (const value of result.values) writeValue(writer, value);
      break;
    case "scan":
      writeHeader(writer, scanTag, kindSize(result));
      for (const entry of result.entries) writeEntry(writer, entry);
      writer.uint64Field(0x10, result.revision, "ScanResult.revision");
      break;
    case "query":
      writeBytes(writer, queryTag, result.answer);
      break;
    case "failure":
      writeFailure(writer, result);
      break;
    default:
      assertNever(result);
  }
}

function writeWriteResult(writer: Writer, result: SessionWriteResult): void {
  writeHeader(writer, writeTag, kindSize(result));
  writeFlag(writer, 0x08, result.succeeded);
  writer.uint64Field(0x10, result.revision, "WriteResult.revision");
  writeFlag(writer, 0x18, result.existed);
  writeBytesField(writer, 0x22, result.detail ?? noBytes);
}

function writeValue(writer: Writer, value: Uint8Array | undefined): void {
  writer.byte(0x0a);
  if (value === undefined) {
    writer.varint(0);
    return;
  }
  writer.varint(delimitedSize(value.length));
  writeBytes(writer, 0x0a, value);
}

function entrySize({ key, value }: SessionScanEntry): number {
  return bytesFieldSize(key) + bytesFieldSize(value);
}

function writeEntry(writer: Writer, entry: SessionScanEntry): void {
  writeHeader(writer, 0x0a, entrySize(entry));
  writeBytesField(writer, 0x0a, entry.key);
  writeBytesField(writer, 0x12, entry.value);
}

function failureSize(failure: SessionFailure): number {
  const { code, message, leaderId, leaderAddress, retryAfterMs } = failure;
  return (
    uintFieldSize(code) +
    textSize(message) +
    uintFieldSize(leaderId) +
    textSize(leaderAddress) +
    (retryAfterMs === undefined ? 0 : 1 + varintSize(retryAfterMs))
  );
}

function writeFailure(writer: Writer, failure: SessionFailure): void {
  writeHeader(writer, failureTag, failureSize(failure));
  writer.uint64Field(0x08, failure.code, "Failure.code");
  writeText(writer, 0x12, failure.message);
  writer.uint64Field(0x18, failure.leaderId, "Failure.leader_id");
  writeText(writer, 0x22, failure.leaderAddress);
  if (failure.retryAfterMs !== undefined) {
    checkUint64(failure.retryAfterMs, "Failure.retry_after_ms");
    writer.byte(0x28);
    writer.varint(failure.retryAfterMs);
  }
}

function textSize(text: string): number {
  return text === "" ? 0 : delimitedSize(utf8Size(text, "Failure"));
}

function writeText(writer: Writer, tag: number, text: string): void {
  if (text === "") return;
  writeHeader(writer, tag, utf8Size(text, "Failure"));
  writer.position = writeUtf8(writer.bytes, writer.position, text);
}
