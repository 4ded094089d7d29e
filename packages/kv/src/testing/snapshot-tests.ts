import {
  type LogIndex,
  SNAPSHOT_NAMESPACE,
  type SnapshotRecord,
  type StateMachine,
  type StateSnapshot,
} from "@d-engine/core";
import { expect, it } from "vitest";
import type { StateMachineSubject } from "./describe-state-machine.js";

/** A machine that has both. */
type Restorable<Machine extends StateMachine> = Machine &
  Required<Pick<StateMachine, "snapshot" | "restore">>;

/** The rules of `snapshot` and `restore`, for machines that have them. */
export function defineSnapshotTests<Machine extends StateMachine>(
  current: () => StateMachineSubject<Machine>,
): void {
  it("offers snapshot and restore together, or neither", () => {
    const machine = current().create();
    expect(typeof machine.restore).toBe(typeof machine.snapshot);
  });

  const check = (title: string, test: (subject: RestorableSubject<Machine>) => void) => {
    it(title, () => {
      const subject = current();
      if (subject.create().snapshot !== undefined) test(subject as RestorableSubject<Machine>);
    });
  };
  defineRoundTripTests(check);
  defineReadingTests(check);
  defineRestorationTests(check);
}

interface RestorableSubject<Machine extends StateMachine>
  extends Omit<StateMachineSubject<Machine>, "create"> {
  create(): Restorable<Machine>;
}

type Check<Machine extends StateMachine> = (
  title: string,
  test: (subject: RestorableSubject<Machine>) => void,
) => void;

function defineRoundTripTests<Machine extends StateMachine>(check: Check<Machine>): void {
  check("is rebuilt from a snapshot at every entry, and goes on alike (I12)", (subject) => {
    const { create, commands, fingerprint } = subject;
    for (let at = 0; at <= commands.length; at++) {
      const machine = create();
      for (const command of commands.slice(0, at)) applyNext(machine, command);
      const rebuilt = restored(create(), readOut(machine.snapshot()), machine.lastApplied);
      expect(fingerprint(rebuilt)).toEqual(fingerprint(machine));
      expect(rebuilt.lastApplied).toBe(at);
      for (const command of commands.slice(at)) {
        rebuilt.validate(command);
        expect(applyNext(rebuilt, command)).toEqual(applyNext(machine, command));
        expect(fingerprint(rebuilt)).toEqual(fingerprint(machine));
      }
    }
  });

  check("gives the same snapshot after a restoration as before", ({ create, commands }) => {
    const machine = create();
    for (const command of commands) applyNext(machine, command);
    const records = readOut(machine.snapshot());
    const rebuilt = restored(create(), records, machine.lastApplied);
    expect(readOut(rebuilt.snapshot())).toEqual(records);
  });
}

function defineReadingTests<Machine extends StateMachine>(check: Check<Machine>): void {
  check("freezes a snapshot, whatever is applied while it is read (R16)", (subject) => {
    const { create, commands } = subject;
    const machine = create();
    const held: { snapshot: StateSnapshot; records: readonly SnapshotRecord[] }[] = [];
    for (const command of commands) {
      const snapshot = machine.snapshot();
      expect(snapshot.lastApplied).toBe(machine.lastApplied);
      // Half read before what follows is applied, and the rest after it.
      const first = copied(snapshot.next(1));
      held.push({ snapshot, records: readOut(machine.snapshot()) });
      expect(first).toEqual(held.at(-1)!.records.slice(0, first.length));
      applyNext(machine, command);
    }
    for (const { snapshot, records } of held) {
      const rest = readOut(snapshot);
      expect(rest).toEqual(records.slice(records.length - rest.length));
    }
  });

  check("reads a snapshot in pieces of any size, with at least one record", (subject) => {
    const machine = subject.create();
    for (const command of subject.commands) applyNext(machine, command);
    const records = readOut(machine.snapshot());
    for (const bytesMax of [1, 20, 300]) {
      expect(readOut(machine.snapshot(), bytesMax)).toEqual(records);
    }
    const snapshot = machine.snapshot();
    while (snapshot.next(1).length > 0);
    expect(snapshot.next(1)).toEqual([]);
  });

  check("keeps to the namespaces of state machines, with a key for each record", (subject) => {
    const machine = subject.create();
    for (const command of subject.commands) applyNext(machine, command);
    const keys = readOut(machine.snapshot()).map(({ key }) => key);
    for (const key of keys) {
      expect(key[0]).toBeGreaterThanOrEqual(SNAPSHOT_NAMESPACE.stateMachineFrom);
    }
    expect(new Set(keys.map(String)).size).toBe(keys.length);
  });

  check("lets go of a snapshot at any time, more than once", ({ create, commands }) => {
    const machine = create();
    const snapshot = machine.snapshot();
    snapshot.next(1);
    snapshot.release();
    snapshot.release();
    for (const command of commands) applyNext(machine, command);
    expect(machine.lastApplied).toBe(commands.length);
  });
}

function defineRestorationTests<Machine extends StateMachine>(check: Check<Machine>): void {
  check("serves the old state until a restoration is finished", (subject) => {
    const { create, commands, fingerprint } = subject;
    const source = create();
    for (const command of commands) applyNext(source, command);
    const machine = create();
    const empty = fingerprint(machine);
    const before = readOut(machine.snapshot());
    const frozen = machine.snapshot();
    const restoration = machine.restore();
    for (const record of readOut(source.snapshot())) restoration.add(record);
    expect(fingerprint(machine)).toEqual(empty);
    expect(machine.lastApplied).toBe(0);
    restoration.finish(source.lastApplied);
    expect(fingerprint(machine)).toEqual(fingerprint(source));
    expect(machine.lastApplied).toBe(source.lastApplied);
    // A snapshot of the state that was replaced is still that state.
    expect(readOut(frozen)).toEqual(before);
  });

  check("is not changed by a restoration that is given up", (subject) => {
    const { create, commands, fingerprint } = subject;
    const machine = create();
    const records = readOut(machine.snapshot());
    for (const command of commands) applyNext(machine, command);
    const state = fingerprint(machine);
    const restoration = machine.restore();
    for (const record of records) restoration.add(record);
    expect(fingerprint(machine)).toEqual(state);
  });

  check("replaces everything that was there, also with less", (subject) => {
    const { create, commands, fingerprint } = subject;
    const empty = readOut(create().snapshot());
    const machine = create();
    for (const command of commands) applyNext(machine, command);
    restored(machine, empty, (machine.lastApplied + 5) as LogIndex);
    expect(fingerprint(machine)).toEqual(fingerprint(create()));
    expect(machine.lastApplied).toBe(commands.length + 5);
  });
}

function applyNext<Result>(machine: StateMachine<Result>, command: Uint8Array): Result {
  return machine.apply((machine.lastApplied + 1) as LogIndex, command);
}

/** All records from where the snapshot stands, which is released. */
function readOut(snapshot: StateSnapshot, bytesMax = 1 << 20): SnapshotRecord[] {
  const records: SnapshotRecord[] = [];
  for (;;) {
    const next = snapshot.next(bytesMax);
    if (next.length === 0) break;
    records.push(...copied(next));
  }
  snapshot.release();
  return records;
}

function copied(records: readonly SnapshotRecord[]): SnapshotRecord[] {
  return records.map(({ key, value }) => ({ key: key.slice(), value: value.slice() }));
}

/** Restores from memory that is the caller's again after each record. */
function restored<Machine extends StateMachine>(
  machine: Restorable<Machine>,
  records: readonly SnapshotRecord[],
  lastApplied: LogIndex,
): Restorable<Machine> {
  const restoration = machine.restore();
  for (const record of copied(records)) {
    restoration.add(record);
    record.key.fill(0xee);
    record.value.fill(0xee);
  }
  restoration.finish(lastApplied);
  return machine;
}
