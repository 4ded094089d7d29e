/**
 * Three members on this machine, and what happens when the one that leads is killed: what it
 * acknowledged is there, another leads within seconds, and it comes back as a follower.
 *
 *     node examples/three-nodes/main.mjs [DIRECTORY] [FIRST-PORT]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect, isEngineError } from "@d-engine/client";

const dataDir = process.argv[2] ?? "./data/three-nodes";
const firstPort = Number(process.argv[3] ?? 9181);
const ids = [1, 2, 3];
const endpoints = ids.map((id) => `127.0.0.1:${firstPort + id - 1}`);
const initialCluster = ids.map((id) => `${id}=${endpoints[id - 1]}`).join(",");
const program = join(import.meta.dirname, "member.mjs");

/** @param {number} id */
const startMember = (id) =>
  spawn(process.execPath, [program, String(id), join(dataDir, String(id)), initialCluster], {
    stdio: ["ignore", "inherit", "inherit"],
  });
const members = new Map(ids.map((id) => [id, startMember(id)]));
process.once("SIGTERM", () => {
  for (const member of members.values()) member.kill();
  process.exit(1);
});

// Any of the three will do: the client finds the leader, and the next one when that is gone.
const client = await connect(endpoints, { readyTimeoutMs: 30_000 });
try {
  await client.put("config/rate", "100");
  while ((await client.scanPrefix("members/")).entries.length < ids.length) await pause(50);

  const leaderId = (await client.getLeaderId()) ?? 0;
  await client.delete(`members/${leaderId}`);
  members.get(leaderId)?.kill("SIGKILL");
  console.log(`killed node ${leaderId}, which led`);
  const killedMs = performance.now();
  await putWithPatience("config/burst", "20");
  const seconds = ((performance.now() - killedMs) / 1000).toFixed(1);
  console.log(`wrote again ${seconds} s later; node ${await client.getLeaderId()} leads`);
  console.log(`config/rate = ${await client.getString("config/rate")}`);

  members.set(leaderId, startMember(leaderId));
  while ((await client.get(`members/${leaderId}`)) === undefined) await pause(50);
  console.log(`node ${leaderId} is back`);
} finally {
  await client.close();
  const running = [...members.values()].filter(
    ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
  );
  for (const member of running) member.kill("SIGTERM");
  await Promise.all(running.map((member) => once(member, "exit")));
}
console.log("all closed");

/**
 * The client repeats by itself what surely had no effect, within its deadline. Of a write whose
 * outcome is unknown only the caller can say whether a second one does harm; to set a fixed value
 * twice does none.
 * @param {string} key @param {string} value
 */
async function putWithPatience(key, value) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await client.put(key, value);
    } catch (error) {
      if (!isEngineError(error) || attempt === 10) throw error;
      console.log(`attempt ${attempt}: ${error.code}, outcome ${error.outcome}`);
    }
  }
}
