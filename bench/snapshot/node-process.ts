/** The process of one node of which snapshots are measured. */
import { setTimeout as pause } from "node:timers/promises";
import { EmbeddedEngine } from "d-engine";
import { answerRequests } from "../asked-process.js";
import { nthKey, prepareKeys } from "../callers.js";
import type {
  FreezeOptions,
  FreezeSample,
  JoinFigures,
  NodeAnswer,
  NodeRequest,
  NodeSetup,
  NodeStatus,
} from "./node-requests.js";
import { PutLoad } from "./put-load.js";
import { StallMeter, type Stalls } from "./stall-meter.js";

const readyTimeoutMs = 120_000;
const fillAtOnce = 1000;
const rssEveryMs = 50;

let engine: EmbeddedEngine | undefined;
let rssMax = 0;
let pull: { readonly bytes: number; readonly beganMs: number; endedMs: number } | undefined;

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
    case "close":
      await engine?.close();
      return {};
  }
});

async function start(setup: NodeSetup): Promise<NodeAnswer> {
  const startedMs = performance.now();
  const cpuBefore = process.cpuUsage();
  const meter = new StallMeter();
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
  const stalls = meter.stop();
  const { user, system } = process.cpuUsage(cpuBefore);
  const answer = { serveMs: performance.now() - startedMs, serveCpuMs: (user + system) / 1000 };
  return setup.join === undefined ? answer : { ...answer, join: joinFigures(stalls) };
}

/** Of a node that joins: its first snapshot, which it has before it starts to serve. */
function listen(line: string): void {
  const [, percent, bytes] = /^pulled (\d+) % .* \((\d+) bytes\)$/.exec(line) ?? [];
  if (percent === "0") pull = { bytes: Number(bytes), beganMs: performance.now(), endedMs: 0 };
  else if (percent === "100" && pull !== undefined) pull.endedMs = performance.now();
}

function joinFigures(stalls: Stalls): JoinFigures {
  if (pull === undefined || pull.endedMs === 0) throw new Error("no snapshot was pulled");
  const { bytes, beganMs, endedMs } = pull;
  return { bytes, transferMs: endedMs - beganMs, servesMs: performance.now() - beganMs, ...stalls };
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

function running(): EmbeddedEngine {
  if (engine === undefined) throw new Error("the node was not started");
  return engine;
}
