import { assertNever } from "@d-engine/core";
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
  if (draining === true) size += 2;
  for (const result of results) size += delimitedSize(sessionResultSize(result));
  const writer = new Writer(new Uint8Array(size));
  if (hello !== undefined) writeHello(writer, hello);
  if (window !== undefined) writeWindow(writer, window);
  for (const result of results) writeResult(writer, result);
  if (pong !== undefined) writer.presentUint64Field(pongTag, pong, "SessionResponse.pong");
  if (draining === true) writeTrue(writer, drainingTag);
  return writer.finish();
}

/** Bytes of the `Result` message. */
export function sessionResultSize(result: SessionResult): number {
  const size = uintFieldSize(result.id) + delimitedSize(kindSize(result));
  return "more" in result && result.more ? size + 2 : size;
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
  writer.byte(helloTag);
  writer.varint(helloSize(hello));
  writer.uint64Field(nodeIdTag, hello.nodeId, "Hello.node_id");
}

function writeWindow(writer: Writer, window: SessionWindow): void {
  writer.byte(windowTag);
  writer.varint(windowSize(window));
  writer.uint64Field(operationsMaxTag, window.operationsMax, "Window.operations_max");
  writer.uint64Field(operationBytesMaxTag, window.operationBytesMax, "Window.operation_bytes_max");
  writer.uint64Field(messageBytesMaxTag, window.messageBytesMax, "Window.message_bytes_max");
}

/** Bytes of the field that holds what came of the operation, without its tag and length. */
function kindSize(result: SessionResult): number {
  switch (result.kind) {
    case "write":
      return (result.succeeded ? 2 : 0) + uintFieldSize(result.revision) + (result.existed ? 2 : 0);
    case "read":
      return result.values.reduce((size, value) => size + sessionValueSize(value), 0);
    case "scan":
      return result.entries.reduce(
        (size, entry) => size + sessionEntrySize(entry),
        uintFieldSize(result.revision),
      );
    case "failure":
      return failureSize(result);
    default:
      return assertNever(result);
  }
}

function writeResult(writer: Writer, result: SessionResult): void {
  writer.byte(resultsTag);
  writer.varint(sessionResultSize(result));
  writer.uint64Field(idTag, result.id, "Result.id");
  if ("more" in result && result.more) writeTrue(writer, moreTag);
  switch (result.kind) {
    case "write":
      writeWriteResult(writer, result);
      break;
    case "read":
      writer.byte(readTag);
      writer.varint(kindSize(result));
      for (const value of result.values) writeValue(writer, value);
      break;
    case "scan":
      writer.byte(scanTag);
      writer.varint(kindSize(result));
      for (const entry of result.entries) writeEntry(writer, entry);
      writer.uint64Field(0x10, result.revision, "ScanResult.revision");
      break;
    case "failure":
      writeFailure(writer, result);
      break;
    default:
      assertNever(result);
  }
}

function writeWriteResult(writer: Writer, result: SessionWriteResult): void {
  writer.byte(writeTag);
  writer.varint(kindSize(result));
  if (result.succeeded) writeTrue(writer, 0x08);
  writer.uint64Field(0x10, result.revision, "WriteResult.revision");
  if (result.existed) writeTrue(writer, 0x18);
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
  return (
    (key.length === 0 ? 0 : delimitedSize(key.length)) +
    (value.length === 0 ? 0 : delimitedSize(value.length))
  );
}

function writeEntry(writer: Writer, entry: SessionScanEntry): void {
  writer.byte(0x0a);
  writer.varint(entrySize(entry));
  if (entry.key.length > 0) writeBytes(writer, 0x0a, entry.key);
  if (entry.value.length > 0) writeBytes(writer, 0x12, entry.value);
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
  writer.byte(failureTag);
  writer.varint(failureSize(failure));
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
  writer.byte(tag);
  writer.varint(utf8Size(text, "Failure"));
  writer.position = writeUtf8(writer.bytes, writer.position, text);
}

function writeTrue(writer: Writer, tag: number): void {
  writer.byte(tag);
  writer.byte(1);
}

function writeBytes(writer: Writer, tag: number, bytes: Uint8Array): void {
  writer.byte(tag);
  writer.varint(bytes.length);
  writer.raw(bytes);
}
