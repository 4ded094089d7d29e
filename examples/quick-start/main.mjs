/**
 * The engine within your own process: open a directory, write, read, close. Run it twice: what the
 * first run wrote is there in the second.
 *
 *     node examples/quick-start/main.mjs [DIRECTORY]
 */
import { EmbeddedEngine } from "d-engine";

const engine = await EmbeddedEngine.start(process.argv[2] ?? "./data/quick-start");
try {
  const { leaderId, term } = await engine.waitReady({ timeoutMs: 5_000 });
  console.log(`ready: node ${leaderId} leads in term ${term}`);
  const client = engine.client();

  // Durable when it resolves.
  await client.put("config/rate", "100");
  await client.put("config/burst", "20");
  console.log(`config/rate = ${await client.getString("config/rate")}`);

  // A counter that any number of processes could share: read, add one, set unless it changed.
  for (let done = false; !done; ) {
    const before = await client.getString("runs");
    const runs = Number(before ?? 0) + 1;
    done = await client.compareAndSwap("runs", before, String(runs));
    if (done) console.log(`run number ${runs}`);
  }

  const { entries, revision } = await client.scanPrefix("config/");
  const text = new TextDecoder();
  for (const { key, value } of entries) console.log(`${text.decode(key)} = ${text.decode(value)}`);
  console.log(`as of revision ${revision}`);
} finally {
  await engine.close();
}
