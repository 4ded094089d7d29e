/** Runs seeds that its parent sends, one at a time, and answers each with its outcome. */
import { runSeed } from "./campaign.js";

process.on("message", (seed: number) => {
  runSeed(seed).then(
    (outcome) => process.send?.(outcome),
    (error: unknown) => {
      console.error(`seed ${seed}:`, error);
      process.exit(1);
    },
  );
});
