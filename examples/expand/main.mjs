/**
 * One node with data grows to a cluster of three while it is written to all the time, and no write
 * fails: two more nodes join, take over the state, and become voters by themselves.
 *
 *     npm run example:expand
 *     node examples/expand/main.mjs [FIRST-PORT]
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { connect, connectAdmin } from "@d-engine/client";

const firstPort = Number(process.argv[2] ?? 9281);
const keyCount = 5_000;
const writerCount = 8;
const growWithinMs = 60_000;

const endpoints = [0, 1, 2].map((offset) => `127.0.0.1:${firstPort + offset}`);
const folder = await mkdtemp(join(tmpdir(), "d-engine-expand-"));
const program = join(import.meta.dirname, "member.mjs");
/** @type {Map<number, import("node:child_process").ChildProcess>} */
const members = new Map();
let stopping = false;
const stopped = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stopped.abort());

/** @param {number} id @param {string} [joinAt] */
function startMember(id, joinAt) {
  const args = [program, String(id), join(folder, String(id)), endpoints[id - 1] ?? ""];
  if (joinAt !== undefined) args.push(joinAt);
  const member = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  member.once("exit", (code, signal) => {
    members.delete(id);
    if (stopping) return;
    console.error(`node ${id} ended early (${signal ?? code})`);
    stopped.abort();
  });
  members.set(id, member);
}

const load = { running: true, written: 0, failed: 0, slowestMs: 0 };

/** Writes one after the other, each when the one before is acknowledged. */
async function writeAllTheTime(/** @type {string} */ key) {
  let last = "";
  for (let number = 1; load.running; number += 1) {
    const startedMs = performance.now();
    try {
      await client.put(key, String(number));
      last = String(number);
      load.written += 1;
      load.slowestMs = Math.max(load.slowestMs, performance.now() - startedMs);
    } catch (error) {
      load.failed += 1;
      console.error(`a write failed: ${error}`);
    }
  }
  return { key, last };
}

console.log("one node, with data");
startMember(1);
const first = endpoints.slice(0, 1);
const client = await connect(first, { readyTimeoutMs: 30_000 });
const admin = connectAdmin(endpoints);
try {
  const data = Array.from({ length: keyCount }, (_, at) => `data/${at}`);
  for (let at = 0; at < keyCount; at += 250) {
    await Promise.all(data.slice(at, at + 250).map((key) => client.put(key, "kept")));
  }
  const { lastIncluded, bytes } = await admin.saveSnapshot();
  console.log(`${keyCount} keys; a snapshot as of entry ${lastIncluded.index}, ${bytes} bytes`);

  console.log(`${writerCount} writers begin, and two nodes join`);
  const writers = Array.from({ length: writerCount }, (_, at) => writeAllTheTime(`load/${at}`));
  startMember(2, endpoints[0]);
  startMember(3, endpoints[0]);
  await threeVoters();
  await pause(1_000, undefined, { signal: stopped.signal });

  load.running = false;
  const written = await Promise.all(writers);
  tell("done");
  for (const { key, last } of written) await expectValue(key, last);
  const { entries } = await client.scanPrefix("data/");
  if (entries.length !== keyCount) throw new Error(`${entries.length} keys of ${keyCount}`);
  if (load.failed > 0) throw new Error(`${load.failed} writes failed`);
  console.log("everything acknowledged is there, and no write failed");
} finally {
  load.running = false;
  await client.close();
  await admin.close();
  await stopAll();
  await rm(folder, { recursive: true, force: true });
}
console.log("all stopped");

/** Waits for it, and tells what changes on the way. */
async function threeVoters() {
  const startedMs = performance.now();
  let told = "";
  for (;;) {
    const { members: all } = await admin.members({ signal: stopped.signal });
    const ids = (/** @type {boolean} */ vote) =>
      all.filter(({ status }) => (status === "active") === vote).map(({ id }) => id);
    const [voters, learners] = [ids(true), ids(false)];
    const line = `voters ${voters.join(", ")}; learners ${learners.join(", ") || "none"}`;
    if (line !== told) tell(line);
    told = line;
    if (voters.length === 3) return;
    if (performance.now() - startedMs > growWithinMs) throw new Error(`stuck: ${line}`);
    await pause(100, undefined, { signal: stopped.signal });
  }
}

/** @param {string} what */
function tell(what) {
  const slowest = `the slowest took ${Math.round(load.slowestMs)} ms`;
  console.log(`${what.padEnd(32)} ${load.written} writes, ${load.failed} failed, ${slowest}`);
}

/** @param {string} key @param {string} value */
async function expectValue(key, value) {
  const found = await client.getString(key, { consistency: "linearizable" });
  if (found !== value) throw new Error(`${key} is ${found}, and ${value} was acknowledged`);
}

async function stopAll() {
  stopping = true;
  const running = [...members.values()];
  for (const member of running) member.kill("SIGTERM");
  await Promise.all(running.map((member) => once(member, "exit")));
}
