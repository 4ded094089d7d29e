/** The process of one node of which snapshots are measured. */
import { setTimeout as pause } from "node:timers/promises";
import { EmbeddedEngine } from "d-engine";
import { answerRequests } from "../asked-process.js";
import { nthKey, prepareKeys } from "../callers.js";
import type {
  FreezeOptions,
  FreezeSample,
  InstallFigures,
  NodeAnswer,
  NodeRequest,
  NodeSetup,
  NodeStatus,
} from "./node-requests.js";
import { PutLoad } from "./put-load.js";
import { StallMeter } from "./stall-meter.js";

const readyTimeoutMs = 120_000;
const installTimeoutMs = 170_000;
const fillAtOnce = 1000;
const pollMs = 5;
const rssEveryMs = 50;

let engine: EmbeddedEngine | undefined;
let rssMax = 0;
let received: { readonly bytes: number; readonly atMs: number } | undefined;

answerRequests<NodeRequest, NodeAnswer>(async (request) => {
  switch (request.kind) {
    case "start":
      return await start(request.setup);
    case "fill":
      await fill(request.keys, request.valueBytes);
      return {};
    case "freeze":
      return { freeze: await freeze(request) };
    case "save":
      return { bytes: (await running().admin.saveSnapshot({ consistency: "eventual" })).bytes };
    case "status":
      return { status: status() };
    case "install":
      return { install: await awaitInstall() };
    case "close":
      await engine?.close();
      return {};
  }
});

async function start(setup: NodeSetup): Promise<NodeAnswer> {
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  engine = await EmbeddedEngine.start({
    ...setup,
    joinAs: "readOnly",
    // Only when asked, and nothing of the log is kept behind them.
    snapshotEntries: 2 ** 40,
    snapshotLogBytes: 2 ** 40,
    logTailBytes: 0,
    logBytesMax: 2 ** 50,
    logger: { info: listen, warn: listen, error: listen },
  });
  if (setup.join === undefined) {
    await engine.waitReady({ timeoutMs: readyTimeoutMs });
    await engine
      .client()
      .get(nthKey(0), { consistency: "linearizable", timeoutMs: readyTimeoutMs });
  }
  setInterval(() => {
    rssMax = Math.max(rssMax, process.memoryUsage.rss());
  }, rssEveryMs);
  const { user, system } = process.cpuUsage(cpuBefore);
  return { serveMs: performance.now() - startedMs, serveCpuMs: (user + system) / 1000 };
}

function listen(line: string): void {
  const begun = /^receiving a snapshot up to entry \d+, (\d+) bytes/.exec(line);
  if (begun !== null) received = { bytes: Number(begun[1]), atMs: performance.now() };
}

async function fill(keys: number, valueBytes: number): Promise<void> {
  const client = running().client();
  const value = new Uint8Array(valueBytes).fill(0x76);
  for (let from = 0; from < keys; from += fillAtOnce) {
    const length = Math.min(fillAtOnce, keys - from);
    const put = (_: unknown, n: number) => client.put(nthKey(from + n), value);
    await Promise.all(Array.from({ length }, put));
  }
}

async function freeze(options: FreezeOptions): Promise<FreezeSample> {
  const { admin } = running();
  const client = running().client();
  const put = (key: Uint8Array, value: Uint8Array) => client.put(key, value);
  const { callers, keys, valueBytes, quietMs } = options;
  const load = new PutLoad(put, prepareKeys(keys), valueBytes, callers);
  try {
    await pause(quietMs / 4);
    const before = await load.measure(pause(quietMs));
    const saving = admin.saveSnapshot({ consistency: "eventual", timeoutMs: readyTimeoutMs });
    const during = await load.measure(saving);
    const after = await load.measure(pause(quietMs));
    return { before, during, after, bytes: (await saving).bytes };
  } finally {
    await load.stop();
  }
}

function status(): NodeStatus {
  const { roleChanges, logPurges } = running().metrics();
  const { isLeader, leaderInfo } = running();
  const answer = { isLeader, term: leaderInfo?.term ?? 0, roleChanges, logPurges };
  const max = Math.max(rssMax, process.memoryUsage.rss());
  rssMax = 0;
  return { ...answer, rssMax: max };
}

async function awaitInstall(): Promise<InstallFigures> {
  const node = running();
  const meter = new StallMeter();
  const untilMs = performance.now() + installTimeoutMs;
  let transferredMs: number | undefined;
  while (node.metrics().snapshotsInstalled === 0) {
    if (performance.now() > untilMs) throw new Error("no snapshot was installed in time");
    const { snapshotChunksReceived } = node.metrics();
    if (received !== undefined && snapshotChunksReceived * chunkBytes >= received.bytes) {
      transferredMs ??= performance.now();
    }
    await pause(pollMs);
  }
  const stalls = meter.stop();
  if (received === undefined) throw new Error("a snapshot was installed and not received");
  const { bytes, atMs } = received;
  const installMs = performance.now() - atMs;
  const transferMs = (transferredMs ?? performance.now()) - atMs;
  return { bytes, transferMs, installMs, ...stalls };
}

function running(): EmbeddedEngine {
  if (engine === undefined) throw new Error("the node was not started");
  return engine;
}

/** As nodes are set when nobody says otherwise. */
const chunkBytes = 256 * 1024;
