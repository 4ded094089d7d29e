import { open } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { cpuMicros } from "../cluster/cpu-time.js";
import { freeAddresses } from "../cluster/free-addresses.js";
import {
  type JoinFigures,
  type NodeProcess,
  type NodeStatus,
  nodeProcess,
  withProcess,
} from "./node-requests.js";
import { Sink } from "./sink.js";

export interface CatchUpOptions {
  readonly folder: string;
  readonly catchUpBytes: number;
  readonly progress: (line: string) => void;
}

export interface CatchUpResult extends JoinFigures {
  /** CPU of the process that sends, and of the one that receives; where the system tells. */
  readonly leaderCpuMs: number | undefined;
  readonly learnerCpuMs: number | undefined;
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
const pollMs = 50;

/** A learner without anything joins two voters whose log begins behind a snapshot. */
export async function benchCatchUp(options: CatchUpOptions): Promise<CatchUpResult> {
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
    const leaderCpu = cpuMicros([leader.pid]);
    const { join: joined, serveCpuMs } = await withProcess("node-3", (learner) => {
      const dataDir = join(folder, "node-3");
      const setup = { dataDir, nodeId: 3, listen: third!, join: `${first},${second}` };
      return learner.ask({ kind: "start", setup });
    });
    const after = await Promise.all(voters.map(statusOf));
    const at = voters.indexOf(leader);
    const changes = after.map(({ roleChanges }, n) => roleChanges - before[n]!.roleChanges);
    return {
      ...joined!,
      ...references,
      leaderCpuMs: since(leaderCpu, leader.pid),
      learnerCpuMs: serveCpuMs,
      leaderRssBefore: before[at]!.rssMax,
      leaderRssMax: after[at]!.rssMax,
      roleChanges: changes.reduce((sum, count) => sum + count, 0),
    };
  } finally {
    for (const voter of voters) voter.kill();
  }
}

function since(beforeMicros: number | undefined, pid: number): number | undefined {
  const nowMicros = cpuMicros([pid]);
  if (beforeMicros === undefined || nowMicros === undefined) return undefined;
  return (nowMicros - beforeMicros) / 1000;
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
