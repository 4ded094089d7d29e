/**
 * One member: your application, with the engine inside it. The first one founds the cluster; one
 * that is given JOIN-AT asks the node there to be taken in.
 *
 *     node examples/expand/member.mjs NODE-ID DIRECTORY HOST:PORT [JOIN-AT]
 */
import { EmbeddedEngine } from "d-engine";

const [id, dataDir, listen, join] = process.argv.slice(2);
if (listen === undefined)
  throw new Error("usage: member.mjs NODE-ID DIRECTORY HOST:PORT [JOIN-AT]");

/** @param {string} line */
const say = (line) => console.log(`  node ${id} | ${line}`);
const logger = {
  debug: () => undefined,
  // What the members are is told by main.mjs.
  info: (/** @type {string} */ line) => /^(joined|pulled)/.test(line) && say(line),
  warn: say,
  error: say,
};

const nodeId = Number(id);
// Three processes share one machine, which may be busy: nobody is to be taken for dead for that.
const electionTimeoutMs = 3_000;
const config = { dataDir, nodeId, listen, join, logger, electionTimeoutMs };
const engine = await EmbeddedEngine.start(config);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => engine.close());
await engine.waitReady({ timeoutMs: 30_000 });
say(`runs at ${listen}`);
const error = await engine.closed;
if (error !== undefined) throw error;
