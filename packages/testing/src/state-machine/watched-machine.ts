import type { LogIndex, StateMachine } from "@d-engine/core";
import { type AppliedEntry, hashBytes, type ObservedMachine } from "@d-engine/simulator";
import type { AppliedRecord } from "./applied-record.js";

export interface WatchedMachineSetup<Machine extends StateMachine<unknown>> {
  readonly machine: Machine;
  readonly fingerprint: (machine: Machine) => string;
  readonly nodeId: number;
  readonly start: number;
  readonly record: AppliedRecord;
  readonly onApplied: (entry: AppliedEntry) => void;
  /** Told of each broken rule. */
  readonly report: (problem: string) => void;
}

/** A state machine of a user's own, looked at after each call that it gets. */
export class WatchedMachine<Machine extends StateMachine<unknown>> implements ObservedMachine {
  readonly machine: Machine;
  readonly #setup: WatchedMachineSetup<Machine>;

  constructor(setup: WatchedMachineSetup<Machine>) {
    this.machine = setup.machine;
    this.#setup = setup;
  }

  get lastApplied(): LogIndex {
    return this.machine.lastApplied;
  }

  /** States are compared here, after each entry, and not again by the simulator. */
  stateHash(): undefined {
    return undefined;
  }

  validate(command: Uint8Array): void {
    const before = this.#fingerprint();
    this.#unchanged(command, "validate", () => this.machine.validate(command));
    if (this.#fingerprint() !== before) this.#setup.report("validate changed the state");
  }

  apply(index: LogIndex, command: Uint8Array): unknown {
    const result = this.#unchanged(command, "apply", () => this.machine.apply(index, command));
    this.#applied({ index, hash: hashBytes(command), attempt: undefined }, result);
    return result;
  }

  skip(index: LogIndex): void {
    this.machine.skip(index);
    this.#applied({ index, hash: 0, attempt: undefined }, undefined);
  }

  /** A command's bytes are the log's: what changes them changes what other nodes get. */
  #unchanged<T>(command: Uint8Array, what: string, call: () => T): T {
    const before = hashBytes(command);
    const result = call();
    if (hashBytes(command) !== before) this.#setup.report(`${what} wrote to the command's bytes`);
    return result;
  }

  #applied(entry: AppliedEntry, result: unknown): void {
    const { nodeId, start, record, report, onApplied } = this.#setup;
    const { index } = entry;
    if (this.lastApplied !== index) {
      report(`lastApplied is ${this.lastApplied} after entry ${index} on node ${nodeId}`);
    }
    const fingerprint = this.#fingerprint();
    const difference = record.compare({ nodeId, start, index, fingerprint, result });
    if (difference !== undefined) report(difference);
    onApplied(entry);
  }

  #fingerprint(): string {
    return this.#setup.fingerprint(this.machine);
  }
}
