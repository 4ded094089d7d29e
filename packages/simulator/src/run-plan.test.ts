import { describe, expect, it } from "vitest";
import { runPlan } from "./run-plan.js";
import { drawPlan } from "./swarm/draw-plan.js";

const short = { faultyMs: 3_000 };

describe("runPlan", () => {
  it("does the same every time for the same seed", async () => {
    const plan = drawPlan(11, short);
    const [first, second] = [await runPlan(plan), await runPlan(plan)];
    expect(second.eventHash).toBe(first.eventHash);
    expect(second.events).toBe(first.events);
    const other = await runPlan(drawPlan(12, short));
    expect(other.eventHash).not.toBe(first.eventHash);
  });

  it("does the same for a plan that was written down and read again", async () => {
    const plan = drawPlan(13, short);
    const copy = JSON.parse(JSON.stringify(plan)) as typeof plan;
    expect((await runPlan(copy)).eventHash).toBe((await runPlan(plan)).eventHash);
  });

  it.each(Array.from({ length: 12 }, (_, index) => index + 1))(
    "keeps every promise under the faults of seed %i",
    async (seed) => {
      const result = await runPlan(drawPlan(seed, short), { tailLines: 40 });
      expect(result.violation, result.tail.join("\n")).toBeUndefined();
    },
  );

  it("brings up a node that waits for its snapshot behind one that is cut off (L3)", async () => {
    const result = await runPlan(drawPlan(100_083), { tailLines: 40 });
    expect(result.violation, result.tail.join("\n")).toBeUndefined();
  });

  it("has no leader by the votes of those who do not know their admission yet (I4)", async () => {
    const result = await runPlan(drawPlan(500_012), { tailLines: 40 });
    expect(result.violation, result.tail.join("\n")).toBeUndefined();
  });
});
