import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freeAddresses } from "../cluster/free-addresses.js";
import { median } from "../statistics.js";
import {
  type FreezeSample,
  type InstallFigures,
  type NodeProcess,
  type NodeStatus,
  nodeProcess,
} from "./node-requests.js";
import { Sink } from "./sink.js";

export interface SnapshotOptions {
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly callers: number;
  readonly repetitions: number;
  readonly catchUpBytes: number;
  readonly progress: (line: string) => void;
}

export interface SnapshotResult {
  readonly freeze: {
    readonly keys: number;
    readonly callers: number;
    readonly bytes: number;
    readonly samples: readonly FreezeSample[];
    /** Put rate during a snapshot as a fraction of that around it, in the same load. */
    readonly rateRatio: number;
    /** CPU of a put, the snapshot's included, as a multiple of that around it. */
    readonly cpuRatio: number;
    readonly blockMs: number;
    /** The longest of the stretches without a snapshot. */
    readonly quietBlockMs: number;
  };
  readonly restart: { readonly keys: number; readonly serveMs: readonly number[] };
  readonly catchUp: CatchUpResult;
}

export interface CatchUpResult extends InstallFigures {
  readonly leaderRssBefore: number;
  readonly leaderRssMax: number;
  /** On all members together, while the learner caught up. */
  readonly roleChanges: number;
  readonly diskMs: number;
  readonly tcpMs: number;
  readonly grpcMs: number;
}

const catchUpValueBytes = 1024;
const pieceBytes = 256 * 1024;
const quietMs = 2_000;
const pollMs = 50;

/** What a snapshot costs the node that makes it, the one that starts from it, and a transfer. */
export async function benchSnapshot(options: SnapshotOptions): Promise<SnapshotResult> {
  const freeze = await benchFreeze(options);
  const restart = await benchRestart(options);
  const catchUp = await benchCatchUp(options);
  return { freeze, restart, catchUp };
}

async function benchFreeze(options: SnapshotOptions): Promise<SnapshotResult["freeze"]> {
  const { folder, keys, valueBytes, callers, repetitions, progress } = options;
  return await withProcess("node", async (node) => {
    await node.ask({ kind: "start", setup: { dataDir: join(folder, "freeze"), nodeId: 1 } });
    progress(`writing ${keys} keys`);
    await node.ask({ kind: "fill", keys, valueBytes });
    const samples: FreezeSample[] = [];
    // The first repetition warms up and is not reported.
    for (let repetition = 0; repetition <= repetitions; repetition++) {
      progress(`snapshot ${repetition} of ${repetitions}`);
      const asked = { kind: "freeze", callers, keys, valueBytes, quietMs } as const;
      const { freeze: sample } = await node.ask(asked);
      if (repetition > 0 && sample !== undefined) samples.push(sample);
    }
    await node.ask({ kind: "save" });
    await node.ask({ kind: "close" });
    const around = ({ before, after }: FreezeSample, of: "perSecond" | "cpuMicrosPerPut") =>
      (before[of] + after[of]) / 2;
    const ratio = (of: "perSecond" | "cpuMicrosPerPut") =>
      median(samples.map((sample) => sample.during[of] / around(sample, of)));
    return {
      keys,
      callers,
      bytes: samples[0]?.bytes ?? 0,
      samples,
      rateRatio: ratio("perSecond"),
      cpuRatio: ratio("cpuMicrosPerPut"),
      blockMs: Math.max(...samples.map(({ during }) => during.blockMs)),
      quietBlockMs: Math.max(
        ...samples.flatMap(({ before, after }) => [before.blockMs, after.blockMs]),
      ),
    };
  });
}

/** From the directory that `benchFreeze` left, with its newest snapshot. */
async function benchRestart(options: SnapshotOptions): Promise<SnapshotResult["restart"]> {
  const { folder, keys, repetitions, progress } = options;
  const serveMs: number[] = [];
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    progress(`start ${repetition} of ${repetitions}`);
    await withProcess("node", async (node) => {
      const setup = { dataDir: join(folder, "freeze"), nodeId: 1 };
      serveMs.push((await node.ask({ kind: "start", setup })).serveMs ?? Number.NaN);
      await node.ask({ kind: "close" });
    });
  }
  return { keys, serveMs };
}

async function benchCatchUp(options: SnapshotOptions): Promise<CatchUpResult> {
  const { folder, catchUpBytes, progress } = options;
  const [first, second, third] = await freeAddresses(3);
  const initialCluster = `1=${first},2=${second}`;
  const voters = [nodeProcess("node-1"), nodeProcess("node-2")];
  try {
    await Promise.all(
      voters.map((voter, at) => {
        const nodeId = at + 1;
        const dataDir = join(folder, `node-${nodeId}`);
        return voter.ask({ kind: "start", setup: { dataDir, nodeId, initialCluster } });
      }),
    );
    const leader = (await statusOf(voters[0]!)).isLeader ? voters[0]! : voters[1]!;
    const keys = Math.ceil(catchUpBytes / catchUpValueBytes);
    progress(`writing ${keys} keys of ${catchUpValueBytes} bytes to two voters`);
    await leader.ask({ kind: "fill", keys, valueBytes: catchUpValueBytes });
    const { bytes = 0 } = await leader.ask({ kind: "save" });
    while ((await statusOf(leader)).logPurges === 0) await pause(pollMs);
    progress("references: disk, TCP and gRPC on loopback");
    const references = await measureReferences(folder, bytes);
    progress("a learner joins");
    const before = await Promise.all(voters.map(statusOf));
    const install = await withProcess("node-3", async (learner) => {
      const dataDir = join(folder, "node-3");
      const setup = { dataDir, nodeId: 3, listen: third!, join: `${first},${second}` };
      await learner.ask({ kind: "start", setup });
      return (await learner.ask({ kind: "install" })).install!;
    });
    const after = await Promise.all(voters.map(statusOf));
    const at = voters.indexOf(leader);
    const changes = after.map(({ roleChanges }, n) => roleChanges - before[n]!.roleChanges);
    return {
      ...install,
      ...references,
      leaderRssBefore: before[at]!.rssMax,
      leaderRssMax: after[at]!.rssMax,
      roleChanges: changes.reduce((sum, count) => sum + count, 0),
    };
  } finally {
    for (const voter of voters) voter.kill();
  }
}

async function measureReferences(folder: string, bytes: number) {
  const sink = await Sink.start();
  try {
    const diskMs = await syncedWriteMs(join(folder, "reference"), bytes);
    return { diskMs, tcpMs: await sink.tcpMs(bytes), grpcMs: await sink.grpcMs(bytes) };
  } finally {
    sink.kill();
  }
}

/** A file written from its beginning to its end and synced once. */
async function syncedWriteMs(path: string, bytes: number): Promise<number> {
  const piece = Buffer.alloc(pieceBytes, 0x76);
  const startedMs = performance.now();
  await using file = await open(path, "w");
  for (let at = 0; at < bytes; at += pieceBytes) await file.write(piece, 0, pieceBytes, at);
  await file.sync();
  return performance.now() - startedMs;
}

async function statusOf(node: NodeProcess): Promise<NodeStatus> {
  const { status } = await node.ask({ kind: "status" });
  if (status === undefined) throw new Error(`${node.name} told no status`);
  return status;
}

async function withProcess<T>(name: string, use: (node: NodeProcess) => Promise<T>): Promise<T> {
  const node = nodeProcess(name);
  try {
    return await use(node);
  } finally {
    node.kill();
  }
}
