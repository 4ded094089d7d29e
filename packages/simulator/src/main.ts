import { runPlan } from "./run-plan.js";
import { drawPlan } from "./swarm/draw-plan.js";

const [from, to] = (process.argv[2] ?? "1..10").split("..").map(Number);
const started = performance.now();
for (let seed = from!; seed <= (to ?? from!); seed += 1) {
  const t = performance.now();
  const r = await runPlan(drawPlan(seed), { tailLines: Number(process.argv[3] ?? 0) });
  console.log(
    seed,
    r.eventHash,
    r.events,
    Math.round(r.simulatedMs),
    Math.round(performance.now() - t),
    JSON.stringify(r.counts),
    r.violation ?? "",
  );
  for (const line of r.tail) console.log(line);
}
console.log(((performance.now() - started) / 1000).toFixed(1), "s");
