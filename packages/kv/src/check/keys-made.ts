import { keyToString, type TxnOperation, type WriteCommand } from "@d-engine/codec";

/** The keys that a command may make, as one-byte strings: those that need room in the store. */
export function keysMade(command: WriteCommand | TxnOperation): string[] {
  switch (command.kind) {
    case "put":
    case "compareAndSwap":
    case "leasePut":
      return [keyToString(command.key)];
    case "txn":
      return [...command.success, ...command.failure].flatMap(keysMade);
    default:
      return [];
  }
}
