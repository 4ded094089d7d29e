/**
 * Three processes with the same schedule: each time is run by one of them.
 *
 *     node examples/cron-once/main.mjs [DIRECTORY]
 */
import { once } from "node:events";
import { schedule } from "@d-engine/coordination";
import { EmbeddedEngine } from "d-engine";

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/cron-once");
try {
  await engine.waitReady({ timeoutMs: 5_000 });
  let runs = 0;
  const threeRuns = new AbortController();
  for (const name of ["anna", "bert", "cleo"]) {
    // Every second; "0 3 * * *" would be every night at three.
    schedule(engine.client(), "cleanup", "* * * * * *", ({ at, token }) => {
      runs += 1;
      console.log(`${name} cleans up for ${at.toISOString()}, token ${token}`);
      if (runs === 3) threeRuns.abort();
    });
  }
  await once(threeRuns.signal, "abort");
  console.log(`${runs} times, ${runs} runs`);
} finally {
  await engine.close();
}
