import type { WriteCommand } from "@d-engine/codec";
import { assertNever, EngineError } from "@d-engine/core";
import type { KvLimits } from "./limits.js";

/**
 * Refuses what this node does not admit to the log: keys and values outside `limits`, and a TTL
 * until leases exist. Throws `INVALID_REQUEST`, naming the field, its size and the bound.
 */
export function checkCommand(command: WriteCommand, limits: KvLimits): void {
  checkKey(command.key, limits);
  switch (command.kind) {
    case "put":
      checkValue("value", command.value, limits);
      if (command.ttlMs !== 0) refuse("a TTL is not supported by this version; put without one");
      return;
    case "delete":
      return;
    case "compareAndSwap":
      if (command.expected !== undefined) checkValue("expected value", command.expected, limits);
      checkValue("new value", command.value, limits);
      return;
    default:
      assertNever(command);
  }
}

function checkKey(key: Uint8Array, { keyBytesMax }: KvLimits): void {
  if (key.length === 0) refuse(`the key is empty; it needs 1 to ${keyBytesMax} bytes`);
  if (key.length > keyBytesMax) {
    refuse(`the key has ${key.length} bytes, more than keyBytesMax = ${keyBytesMax}`);
  }
}

function checkValue(what: string, value: Uint8Array, { valueBytesMax }: KvLimits): void {
  if (value.length > valueBytesMax) {
    refuse(`the ${what} has ${value.length} bytes, more than valueBytesMax = ${valueBytesMax}`);
  }
}

function refuse(message: string): never {
  throw new EngineError("INVALID_REQUEST", message);
}
