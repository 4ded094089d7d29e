import { isEngineError, type LogIndex, type StateMachine } from "@d-engine/core";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { defineSnapshotTests } from "./snapshot-tests.js";

/** What the contract suite needs to know about one kind of state machine. */
export interface StateMachineSubject<Machine extends StateMachine> {
  /** A new, empty machine. */
  create(): Machine;
  /** Commands that can be executed in this order from empty on; together they change the state. */
  readonly commands: readonly Uint8Array[];
  /** Commands that `validate` must refuse, whatever the state. */
  readonly refused: readonly Uint8Array[];
  /** The whole state in a form that `toEqual` compares: a hash, or everything in it. */
  fingerprint(machine: Machine): unknown;
}

/**
 * The rules that every `StateMachine` keeps, as a vitest suite. Run it for a machine of your own
 * in a test file; `open` is called before each test. A machine without `snapshot` and `restore`
 * has nothing to keep of the rules about them.
 *
 * @example
 * describeStateMachine("Counter", () => ({
 *   create: () => new Counter(),
 *   commands: [Uint8Array.of(1), Uint8Array.of(2, 3)],
 *   refused: [new Uint8Array(0)],
 *   fingerprint: (counter) => counter.total,
 * }));
 */
export function describeStateMachine<Machine extends StateMachine>(
  name: string,
  open: () => StateMachineSubject<Machine> | Promise<StateMachineSubject<Machine>>,
): void {
  describe(`${name} keeps the contract of StateMachine`, () => {
    let subject: StateMachineSubject<Machine>;
    beforeEach(async () => {
      subject = await open();
    });
    defineProgressTests(() => subject);
    defineValidationTests(() => subject);
    defineDeterminismTests(() => subject);
    defineSnapshotTests(() => subject);
  });
}

function defineProgressTests<Machine extends StateMachine>(
  current: () => StateMachineSubject<Machine>,
): void {
  it("begins empty, before the first entry of the log", () => {
    const { create, fingerprint } = current();
    expect(create().lastApplied).toBe(0);
    expect(fingerprint(create())).toEqual(fingerprint(create()));
  });

  it("stands at the entry that it applied or skipped last", () => {
    const { create, commands } = current();
    const machine = create();
    let index = 0;
    for (const command of commands) {
      machine.skip(++index as LogIndex);
      expect(machine.lastApplied).toBe(index);
      machine.apply(++index as LogIndex, command);
      expect(machine.lastApplied).toBe(index);
    }
  });

  it("changes by the commands, and not by skipped entries", () => {
    const { create, commands, fingerprint } = current();
    const machine = create();
    applyAll(machine, commands);
    const after = fingerprint(machine);
    expect(after).not.toEqual(fingerprint(create()));
    machine.skip((machine.lastApplied + 1) as LogIndex);
    expect(fingerprint(machine)).toEqual(after);
  });
}

function defineValidationTests<Machine extends StateMachine>(
  current: () => StateMachineSubject<Machine>,
): void {
  it("validates what it can execute, without executing it (rule R14)", () => {
    const { create, commands, fingerprint } = current();
    const machine = create();
    for (const command of commands) {
      const before = { at: machine.lastApplied, state: fingerprint(machine) };
      machine.validate(command);
      expect({ at: machine.lastApplied, state: fingerprint(machine) }).toEqual(before);
      machine.apply((machine.lastApplied + 1) as LogIndex, command);
    }
  });

  it("refuses the others with INVALID_REQUEST, unharmed (rule R14)", () => {
    const { create, commands, refused, fingerprint } = current();
    const machine = create();
    applyAll(machine, commands);
    const before = { at: machine.lastApplied, state: fingerprint(machine) };
    for (const command of refused) {
      const error = thrownBy(() => machine.validate(command));
      expect(isEngineError(error, "INVALID_REQUEST"), `${command} gave ${error}`).toBe(true);
      expect({ at: machine.lastApplied, state: fingerprint(machine) }).toEqual(before);
    }
  });
}

function defineDeterminismTests<Machine extends StateMachine>(
  current: () => StateMachineSubject<Machine>,
): void {
  it("gives the same results and the same state on every node (invariant I12)", () => {
    const { create, commands, fingerprint } = current();
    const leader = create();
    const follower = create();
    for (const command of commands) {
      const index = (leader.lastApplied + 1) as LogIndex;
      leader.validate(command);
      expect(follower.apply(index, elsewhere(command))).toEqual(leader.apply(index, command));
      expect(fingerprint(follower)).toEqual(fingerprint(leader));
    }
  });

  it("asks neither clock nor chance", () => {
    const { create, commands } = current();
    const machine = create();
    forbidClockAndChance();
    applyAll(machine, commands);
    expect(machine.lastApplied).toBe(commands.length);
  });

  it("never writes to the bytes of a command, which belong to the log", () => {
    const { create, commands } = current();
    const machine = create();
    const copies = commands.map((command) => command.slice());
    for (const command of commands) {
      machine.validate(command);
      machine.apply((machine.lastApplied + 1) as LogIndex, command);
    }
    expect(commands).toEqual(copies);
  });
}

/** Applies `commands` behind what the machine holds already. */
function applyAll(machine: StateMachine, commands: readonly Uint8Array[]): void {
  for (const command of commands) machine.apply((machine.lastApplied + 1) as LogIndex, command);
}

/** The same bytes as they lie in a received message: at an offset, with others around them. */
function elsewhere(command: Uint8Array): Uint8Array {
  const message = new Uint8Array(command.length + 32).fill(0xa5);
  message.set(command, 16);
  return message.subarray(16, 16 + command.length);
}

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Until the end of the test, asking for time or a random number throws. */
function forbidClockAndChance(): void {
  const { now } = Date;
  const { random } = Math;
  onTestFinished(() => {
    Date.now = now;
    Math.random = random;
  });
  Date.now = () => {
    throw new Error("a state machine asked for the time");
  };
  Math.random = () => {
    throw new Error("a state machine asked for a random number");
  };
}
