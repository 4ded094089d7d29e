import { decodeWriteCommand } from "@d-engine/codec";
import type { LogIndex } from "@d-engine/core";
import { KvStateMachine, type WriteOutcome } from "@d-engine/kv";
import { hashBytes } from "../checkers/node-mirror.js";
import type { AppliedEntry } from "../checkers/witness.js";
import { toName } from "../workload/call.js";

/** The production state machine, telling checkers what it applies. */
export class ObservedStore extends KvStateMachine {
  readonly #onApplied: (entry: AppliedEntry) => void;

  constructor(onApplied: (entry: AppliedEntry) => void) {
    super();
    this.#onApplied = onApplied;
  }

  override apply(index: LogIndex, bytes: Uint8Array): WriteOutcome {
    const outcome = super.apply(index, bytes);
    this.#onApplied({ index, hash: hashBytes(bytes), attempt: attemptOf(bytes) });
    return outcome;
  }

  override skip(index: LogIndex): void {
    super.skip(index);
    this.#onApplied({ index, hash: 0, attempt: undefined });
  }
}

/** Clients of a simulation write each value once, so that a value names an attempt. */
function attemptOf(bytes: Uint8Array): string | undefined {
  const command = decodeWriteCommand(bytes);
  if (command.kind !== "put" && command.kind !== "compareAndSwap") return undefined;
  return toName(command.value);
}
