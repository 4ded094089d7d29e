import { decodeWriteCommand } from "@d-engine/codec";
import type { LogIndex, StateRestoration, StateSnapshot } from "@d-engine/core";
import { type KvEvent, KvStateMachine, type WriteOutcome } from "@d-engine/kv";
import { hashBytes } from "../checkers/mirror-log.js";
import type { AppliedEntry } from "../checkers/witness.js";
import { toName } from "../workload/call.js";

/** Who is told what a state machine does. */
export interface MachineWatch {
  applied(entry: AppliedEntry): void;
  /** Its state is being put into a snapshot. */
  frozen(): void;
  /** Its state was replaced by that of a snapshot. */
  restored(lastApplied: LogIndex): void;
}

/** The production state machine, telling checkers what it applies. */
export class ObservedStore extends KvStateMachine {
  readonly #watch: MachineWatch;

  constructor(watch: MachineWatch) {
    super();
    this.#watch = watch;
  }

  override apply(index: LogIndex, bytes: Uint8Array): WriteOutcome {
    const before = this.revision;
    const outcome = super.apply(index, bytes);
    const events: KvEvent[] = [];
    if (this.revision !== before) {
      this.events(before + 1, undefined, (event) => {
        events.push(event);
        return true;
      });
    }
    const stored = { bytes, outcome, events };
    this.#watch.applied({ index, hash: hashBytes(bytes), attempt: attemptOf(bytes), stored });
    return outcome;
  }

  override snapshot(): StateSnapshot {
    this.#watch.frozen();
    return super.snapshot();
  }

  override restore(): StateRestoration {
    const restoration = super.restore();
    return {
      add: (record) => restoration.add(record),
      finish: (lastApplied) => {
        restoration.finish(lastApplied);
        this.#watch.restored(lastApplied);
      },
    };
  }

  override skip(index: LogIndex): void {
    super.skip(index);
    this.#watch.applied({ index, hash: 0, attempt: undefined });
  }
}

/**
 * Clients of a simulation write each value once, so that a value names an attempt. In a session an
 * attempt may be applied again, and then does nothing (rule R17): the twin looks at that.
 */
function attemptOf(bytes: Uint8Array): string | undefined {
  const command = decodeWriteCommand(bytes);
  if (command.kind === "none" || command.mark !== undefined) return undefined;
  if (command.kind === "txn") {
    const put = [...command.success, ...command.failure].find(({ kind }) => kind === "leasePut");
    return put?.kind === "leasePut" ? toName(put.value) : undefined;
  }
  const isWrite = ["put", "compareAndSwap", "leasePut"].includes(command.kind);
  return isWrite && "value" in command ? toName(command.value) : undefined;
}
