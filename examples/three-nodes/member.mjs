/**
 * One of three members: your application, with the engine inside it. It can write and read
 * wherever it runs, whoever leads.
 *
 *     node examples/three-nodes/member.mjs NODE-ID DIRECTORY 1=HOST:PORT,2=HOST:PORT,3=HOST:PORT
 */
import { EmbeddedEngine } from "d-engine";

const [nodeId, dataDir, initialCluster] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: member.mjs NODE-ID DIRECTORY INITIAL-CLUSTER");

// Listens where the initial cluster says that this node is, and serves once two of three run.
const engine = await EmbeddedEngine.start({ dataDir, nodeId: Number(nodeId), initialCluster });
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => engine.close());

await engine.waitReady({ timeoutMs: 30_000 });
const client = engine.client();
await client.put(`members/${nodeId}`, `process ${process.pid}`);
console.log(`member ${nodeId} is in, and sees who leads: node ${engine.leaderInfo?.leaderId}`);

for await (const leader of engine.leaderChangeNotifier()) {
  if (leader?.leaderId === engine.identity.nodeId) console.log(`member ${nodeId} leads`);
}
