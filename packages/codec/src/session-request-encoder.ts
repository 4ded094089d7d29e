import { assertNever } from "@d-engine/core";
import { bytesFieldSize, writeBytes, writeBytesField, writeHeader } from "./fields.js";
import type { SessionOperation, SessionRequest } from "./session-message.js";
import { delimitedSize, uintFieldSize, varintSize } from "./wire-type.js";
import { checkUint64, Writer } from "./writer.js";

/** Encodes one request. Throws `CodecError` for numbers out of range. */
export function encodeSessionRequest({ operations, ping }: SessionRequest): Uint8Array {
  let size = ping === undefined ? 0 : 1 + varintSize(ping);
  for (const operation of operations) size += delimitedSize(sessionOperationSize(operation));
  const writer = new Writer(new Uint8Array(size));
  for (const operation of operations) writeOperation(writer, operation);
  if (ping !== undefined) writer.presentUint64Field(pingTag, ping, "SessionRequest.ping");
  return writer.finish();
}

/** Bytes of the `Operation` message, by which windows count. */
export function sessionOperationSize(operation: SessionOperation): number {
  if (operation.kind === "cancel") return 1 + varintSize(operation.target);
  return (
    uintFieldSize(operation.id) +
    uintFieldSize(operation.timeoutMs) +
    delimitedSize(kindSize(operation))
  );
}

const operationsTag = 0x0a;
const pingTag = 0x10;
const idTag = 0x08;
const timeoutMsTag = 0x10;
const writeTag = 0x1a;
const readTag = 0x22;
const scanTag = 0x2a;
const cancelTag = 0x30;
const queryTag = 0x3a;
const keysTag = 0x0a;
const prefixTag = 0x0a;
const queryBytesTag = 0x0a;
const policyTag = 0x10;

type Sized = Exclude<SessionOperation, { readonly kind: "cancel" }>;

/** Bytes of the field that holds the operation itself, without its tag and length. */
function kindSize(operation: Sized): number {
  switch (operation.kind) {
    case "write":
      return operation.command.length;
    case "read":
      return operation.keys.reduce(
        (size, key) => size + delimitedSize(key.length),
        policySize(operation.policy),
      );
    case "scan":
      return bytesFieldSize(operation.prefix) + policySize(operation.policy);
    case "query":
      return bytesFieldSize(operation.query) + policySize(operation.policy);
    default:
      return assertNever(operation);
  }
}

function policySize(policy: number | undefined): number {
  return policy === undefined ? 0 : 1 + varintSize(policy);
}

function writeOperation(writer: Writer, operation: SessionOperation): void {
  writeHeader(writer, operationsTag, sessionOperationSize(operation));
  if (operation.kind === "cancel") {
    writer.presentUint64Field(cancelTag, operation.target, "Operation.cancel");
    return;
  }
  writer.uint64Field(idTag, operation.id, "Operation.id");
  writer.uint64Field(timeoutMsTag, operation.timeoutMs, "Operation.timeout_ms");
  switch (operation.kind) {
    case "write":
      writeBytes(writer, writeTag, operation.command);
      break;
    case "read":
      writeHeader(writer, readTag, kindSize(operation));
      for (const key of operation.keys) writeBytes(writer, keysTag, key);
      writePolicy(writer, operation.policy);
      break;
    case "scan":
      writeHeader(writer, scanTag, kindSize(operation));
      writeBytesField(writer, prefixTag, operation.prefix);
      writePolicy(writer, operation.policy);
      break;
    case "query":
      writeHeader(writer, queryTag, kindSize(operation));
      writeBytesField(writer, queryBytesTag, operation.query);
      writePolicy(writer, operation.policy);
      break;
    default:
      assertNever(operation);
  }
}

function writePolicy(writer: Writer, policy: number | undefined): void {
  if (policy === undefined) return;
  checkUint64(policy, "consistency_policy");
  writer.byte(policyTag);
  writer.varint(policy);
}
