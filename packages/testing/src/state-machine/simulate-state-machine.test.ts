import type { LogIndex, StateMachine } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { forEachSeed } from "../simulate-seeds.js";
import { type StateMachineOptions, simulateStateMachine } from "./simulate-state-machine.js";

/** Adds up the first byte of each command. */
class Sum implements StateMachine<number> {
  lastApplied = 0 as LogIndex;
  total = 0;
  validate(_command: Uint8Array): void {
    return;
  }
  apply(index: LogIndex, command: Uint8Array): number {
    this.lastApplied = index;
    this.total += command[0] ?? 0;
    return this.total;
  }
  skip(index: LogIndex): void {
    this.lastApplied = index;
  }
}

const options = (create: () => Sum): StateMachineOptions<Sum> => ({
  seed: 1,
  faults: ["crash", "partition"],
  electionTimeoutMs: 300,
  loadMs: 3_000,
  create,
  command: (random) => Uint8Array.of(random.between(1, 9)),
  fingerprint: ({ total }) => String(total),
});

describe("simulateStateMachine", () => {
  it("passes a machine that keeps the rules, under every fault, over many seeds", async () => {
    const total = await forEachSeed({ from: 1, to: 3 }, (seed) =>
      simulateStateMachine({ ...options(() => new Sum()), seed, faults: "all" }),
    );
    expect(total.seeds).toBe(3);
    expect(total.faults).toBeGreaterThan(30);
  });

  it("shows each machine, and what was answered, to verify", async () => {
    const totals: number[] = [];
    const { answered, unknown } = await simulateStateMachine({
      ...options(() => new Sum()),
      verify: ({ total }, run) => {
        totals.push(total);
        const sum = (commands: readonly Uint8Array[]) =>
          commands.reduce((all, command) => all + command[0]!, 0);
        const sure = sum(run.answered.map(({ command }) => command));
        expect(total).toBeGreaterThanOrEqual(sure);
        expect(total).toBeLessThanOrEqual(sure + sum(run.unknown));
        expect(run.answered.every(({ result }) => Number(result) <= total)).toBe(true);
      },
    });
    expect(totals).toHaveLength(3);
    expect(new Set(totals).size).toBe(1);
    expect(answered).toBeGreaterThan(20);
    expect(unknown).toBeGreaterThanOrEqual(0);
  });

  it("does the same every time for the same seed", async () => {
    const [first, again] = [
      await simulateStateMachine(options(() => new Sum())),
      await simulateStateMachine(options(() => new Sum())),
    ];
    expect(again).toEqual(first);
  });

  let created = 0;
  let everywhere = 0;
  it.each<{ name: string; machine: () => Sum; problem: RegExp }>([
    {
      name: "a state that depends on the node",
      machine: () =>
        new (class extends Sum {
          readonly #id = ++created % 3;
          override apply(index: LogIndex, command: Uint8Array): number {
            super.apply(index, command);
            if (index > 8) this.total += this.#id;
            return 0;
          }
        })(),
      problem: /state machine: entry \d+ left different states: "\d+" on node \d, "\d+" on node \d/,
    },
    {
      name: "a state outside of the machine, which a replay finds used up",
      machine: () =>
        new (class extends Sum {
          override apply(index: LogIndex, command: Uint8Array): number {
            super.apply(index, command);
            everywhere = Math.max(everywhere, index);
            if (index < everywhere - 40) this.total += 1;
            return 0;
          }
        })(),
      problem: /left different states: .* on node \d in its start \d/,
    },
    {
      name: "results that depend on the node",
      machine: () =>
        new (class extends Sum {
          readonly #id = ++created;
          override apply(index: LogIndex, command: Uint8Array): number {
            super.apply(index, command);
            return this.#id;
          }
        })(),
      problem: /entry \d+ had different results: "\d+" on node \d, "\d+" on node \d/,
    },
    {
      name: "a check that changes the state",
      machine: () =>
        new (class extends Sum {
          override validate(): void {
            this.total += 1;
          }
        })(),
      problem: /validate changed the state/,
    },
    {
      name: "an apply that writes to the command",
      machine: () =>
        new (class extends Sum {
          override apply(index: LogIndex, command: Uint8Array): number {
            super.apply(index, command);
            command[0] = 0;
            return 0;
          }
        })(),
      problem: /apply wrote to the command's bytes/,
    },
    {
      name: "entries that are not counted",
      machine: () =>
        new (class extends Sum {
          override skip(): void {
            return;
          }
        })(),
      problem: /lastApplied is 0 after entry 1/,
    },
    {
      name: "an apply that throws",
      machine: () =>
        new (class extends Sum {
          override apply(index: LogIndex, command: Uint8Array): number {
            if (index === 12) throw new RangeError("twelve is too many");
            return super.apply(index, command);
          }
        })(),
      problem: /twelve is too many/,
    },
    {
      name: "a check that refuses everything",
      machine: () =>
        new (class extends Sum {
          override validate(): void {
            throw new RangeError("no");
          }
        })(),
      problem: /RangeError: no|0 commands were answered/,
    },
  ])("finds $name", async ({ machine, problem }) => {
    await expect(simulateStateMachine(options(machine))).rejects.toThrow(problem);
  });

  it("fails when verify throws", async () => {
    const verify = () => {
      throw new Error("the total is odd");
    };
    await expect(simulateStateMachine({ ...options(() => new Sum()), verify })).rejects.toThrow(
      "seed 1: the total is odd",
    );
  });

  it("refuses a load that cannot be", async () => {
    const load = { callers: 0, loadMs: -1 };
    await expect(
      simulateStateMachine({ ...options(() => new Sum()), ...load }),
    ).rejects.toMatchObject({
      code: "INVALID_REQUEST",
      message: expect.stringMatching(/callers must be.*loadMs must/),
    });
  });
});
