import type { WriteCommand } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { KvLimits } from "./limits.js";

/**
 * Refuses what this node does not admit to the log: keys and values outside `limits`, and a TTL
 * until leases exist. Throws `INVALID_REQUEST`, naming the field, its size and the bound.
 */
export function checkCommand(command: WriteCommand, limits: KvLimits): void {
  switch (command.kind) {
    case "put":
      checkPlainPut(command.key.length, command.value.length, limits);
      if (command.ttlMs !== 0) refuse("a TTL is not supported by this version; put without one");
      return;
    case "delete":
      checkKey(command.key.length, limits);
      return;
    case "compareAndSwap":
      checkKey(command.key.length, limits);
      checkValue("expected value", command.expected?.length ?? 0, limits);
      checkValue("new value", command.value.length, limits);
      return;
    default:
      refuse(`a command of the kind ${command.kind} is not supported by this version`);
  }
}

/** The same for a put without a TTL, by the lengths of its parts. */
export function checkPlainPut(keyBytes: number, valueBytes: number, limits: KvLimits): void {
  checkKey(keyBytes, limits);
  checkValue("value", valueBytes, limits);
}

function checkKey(keyBytes: number, { keyBytesMax }: KvLimits): void {
  if (keyBytes === 0) refuse(`the key is empty; it needs 1 to ${keyBytesMax} bytes`);
  if (keyBytes > keyBytesMax) {
    refuse(`the key has ${keyBytes} bytes, more than keyBytesMax = ${keyBytesMax}`);
  }
}

function checkValue(what: string, valueBytes: number, { valueBytesMax }: KvLimits): void {
  if (valueBytes > valueBytesMax) {
    refuse(`the ${what} has ${valueBytes} bytes, more than valueBytesMax = ${valueBytesMax}`);
  }
}

function refuse(message: string): never {
  throw new EngineError("INVALID_REQUEST", message);
}
