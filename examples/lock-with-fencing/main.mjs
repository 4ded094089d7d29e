/**
 * A lock whose holder sleeps for too long, and what the fencing token is for: the storage beside the
 * engine refuses a token that is lower than one it has seen, so the sleeper can do no harm.
 *
 *     node examples/lock-with-fencing/main.mjs [DIRECTORY]
 */
import { withLock } from "@d-engine/coordination";
import { EmbeddedEngine } from "d-engine";

/** Some store outside of the engine. All that it needs is to remember the highest token. */
class Archive {
  #highest = 0;

  /** @param {string} what @param {number} token */
  write(what, token) {
    if (token < this.#highest) {
      console.log(`archive: refused "${what}" with token ${token}, ${this.#highest} was here`);
      return;
    }
    this.#highest = token;
    console.log(`archive: "${what}"`);
  }
}

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/lock-with-fencing");
try {
  await engine.waitReady({ timeoutMs: 5_000 });
  const archive = new Archive();
  const [sleeper, other] = [engine.client(), engine.client()];

  const slow = withLock(
    sleeper,
    "archive",
    async (lock) => {
      console.log("the first has the lock");
      // Its whole process stands still: a long collection of garbage, a suspended machine.
      const woken = stall(sleeper, lock);
      await woken;
      archive.write("late work of the first", lock.token);
    },
    { ttlMs: 1_000 },
  ).catch((error) => console.log(`the first is told: ${error.code}`));

  await withLock(other, "archive", async (lock) => {
    console.log("the second has the lock");
    archive.write("work of the second", lock.token);
  });
  await slow;
} finally {
  await engine.close();
}

/**
 * Lets go of the lease as if the process had stopped renewing it, and wakes when another has it.
 *
 * @param {import("d-engine").EngineClient} client
 * @param {import("@d-engine/coordination").Lock} lock
 */
async function stall(client, lock) {
  await client.close();
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  console.log(`the first wakes; held: ${lock.isHeld}`);
}
