import { describe, expect, it } from "vitest";
import { EVERY_TARGET } from "./every-target.js";
import { Prng } from "./prng.js";
import { REGRESSIONS, regressionsOf } from "./regressions.js";
import { fuzz } from "./run-target.js";
import { type FuzzTarget, keepsMeaning } from "./target.js";

const named = EVERY_TARGET.map((target) => ({ name: target.name, target }));

describe("every decoder, given what nobody should send", () => {
  it.each(named)("$name", async ({ name, target }) => {
    const executionsMax = target.shortRun ?? 1_000;
    const { findings, taken } = await fuzz(target, {
      seed: 1,
      executionsMax,
      first: regressionsOf(name),
    });
    expect(findings).toEqual([]);
    if ((await target.samples(new Prng(1))).length > 0) expect(taken).toBeGreaterThan(0);
  });

  it("has a name of its own, and every regression its target", () => {
    const names = EVERY_TARGET.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(REGRESSIONS.filter(({ target }) => !names.includes(target))).toEqual([]);
  });
});

describe("fuzz", () => {
  /** A length of two bytes, and what it announces; `wrong` is what happens in place of a refusal. */
  const broken = (wrong: (bytes: Uint8Array, announced: number) => void): FuzzTarget => ({
    name: "broken",
    samples: () => [Uint8Array.of(0, 3, 1, 2, 3)],
    run: (bytes) => {
      const announced = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
      if (announced > bytes.length - 2) wrong(bytes, announced);
    },
    isRefusal: (error) => error instanceof SyntaxError,
    msMax: 50,
    bytesMax: 1024 * 1024,
  });
  const refuse = (): never => {
    throw new SyntaxError("too short");
  };
  const held: unknown[] = [];
  const bounds = { seed: 5, executionsMax: 500 };

  it.each([
    { name: "an error of another class", wrong: () => fail(), finds: /^threw TypeError: oops/ },
    {
      name: "a call stack that ends",
      wrong: function again(): void {
        again();
      },
      finds: /^threw RangeError: Maximum call stack/,
    },
    {
      name: "room for what was only announced",
      wrong: (_: Uint8Array, announced: number) => {
        held.push(new Uint8Array(announced * 200).fill(1));
        refuse();
      },
      finds: /^took \d+ bytes/,
      executionsMax: 60,
    },
    {
      name: "time without end",
      wrong: () => {
        const until = performance.now() + 60;
        while (performance.now() < until);
        refuse();
      },
      finds: /^took \d+ ms/,
      executionsMax: 12,
    },
    {
      name: "a lost meaning",
      wrong: () =>
        keepsMeaning(
          1,
          () => Uint8Array.of(2),
          (bytes) => bytes[0] ?? 0,
        ),
      finds: /^threw MeaningLost/,
    },
  ])("finds $name", async ({ wrong, finds, executionsMax = 500 }) => {
    const { findings } = await fuzz(broken(wrong), { ...bounds, executionsMax });
    held.length = 0;
    expect(findings.length).toBeGreaterThan(0);
    expect(findings[0]?.problem).toMatch(finds);
    expect(findings[0]?.hex).toMatch(/^(?:[0-9a-f]{2})*$/);
  });

  it("finds nothing in what refuses as it should, and tells of a sample that is not understood", async () => {
    expect((await fuzz(broken(refuse), bounds)).findings).toEqual([]);
    const spoilt = { ...broken(refuse), samples: () => [Uint8Array.of(0, 9)] };
    const { findings } = await fuzz(spoilt, bounds);
    expect(findings.map(({ problem }) => problem)).toEqual(["a sample is refused"]);
  });

  it("gives the same inputs for the same seed, others for another", async () => {
    const inputsOf = async (seed: number): Promise<string[]> => {
      const inputs: string[] = [];
      const target = broken(refuse);
      const run = (bytes: Uint8Array): void => {
        inputs.push(Buffer.from(bytes).toString("hex"));
        target.run(bytes);
      };
      await fuzz({ ...target, run }, { ...bounds, seed });
      return inputs;
    };
    const first = await inputsOf(5);
    expect(await inputsOf(5)).toEqual(first);
    expect(await inputsOf(6)).not.toEqual(first);
  });
});

function fail(): never {
  throw new TypeError("oops");
}
