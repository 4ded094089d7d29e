import {
  EngineError,
  type InputEvent,
  type InstallSnapshot,
  type LogIndex,
  type NodeId,
  type RaftNode,
  type RequestId,
  type Term,
} from "@d-engine/core";
import { tableCrc32 } from "@d-engine/storage";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../logger.js";
import { Counters } from "../metrics.js";
import { ManualSnapshots } from "../testing/manual-snapshots.js";
import { VirtualClock } from "../testing/virtual-clock.js";
import { SnapshotReceiver } from "./snapshot-receiver.js";

/** Term of the message and index of the label, of the snapshot that comes first and of the next. */
interface Case {
  readonly name: string;
  readonly first: readonly [term: number, index: number];
  readonly second: readonly [term: number, index: number];
  readonly wins: number;
}

/** The first of three chunks of a snapshot. */
function firstChunk(term: number, index: number): InstallSnapshot {
  const data = new Uint8Array(100).fill(index);
  return {
    kind: "installSnapshot",
    term: term as Term,
    leaderId: 1 as NodeId,
    label: {
      lastIncluded: { term: 1 as Term, index: index as LogIndex },
      checksum: new Uint8Array(32).fill(index),
      bytes: 250,
    },
    totalChunks: 3,
    chunkBytes: 100,
    chunks: [{ sequence: 0, crc32: tableCrc32(data), data }],
  };
}

function newReceiver() {
  const clock = new VirtualClock();
  const snapshots = new ManualSnapshots({ complete: [], partial: undefined }, clock);
  const node = { commitIndex: 0 as LogIndex };
  const posted: InputEvent[] = [];
  const counters = new Counters();
  const receiver = new SnapshotReceiver({
    node: node as unknown as RaftNode,
    snapshots,
    clock,
    crc32: tableCrc32,
    logger: silentLogger,
    counters,
    restore: () => ({ add: () => undefined, finish: () => undefined }),
    post: (event) => posted.push(event),
    issueRequestId: () => 1 as RequestId,
    install: () => undefined,
    failed: () => undefined,
  });
  const take = async (message: InstallSnapshot): Promise<void> => {
    receiver.chunks(message.leaderId, message);
    await clock.turn();
  };
  /** Of which snapshot something is kept. */
  const kept = () => snapshots.disk.partial?.label.lastIncluded.index;
  return { clock, snapshots, node, posted, counters, receiver, take, kept };
}

describe("SnapshotReceiver", () => {
  it.each<Case>([
    { name: "the newer label of a term", first: [1, 10], second: [1, 20], wins: 20 },
    {
      name: "not the older label of a term, which is late",
      first: [1, 20],
      second: [1, 10],
      wins: 20,
    },
    { name: "the older label of a later term", first: [1, 20], second: [2, 10], wins: 10 },
  ])("goes over to $name (scenario 45)", async ({ first, second, wins }) => {
    const { receiver, take, kept, snapshots } = newReceiver();
    await take(firstChunk(...first));
    await take(firstChunk(...second));
    // The message that ends a receipt is not taken; its sender repeats it.
    await take(firstChunk(...second));
    expect([kept(), snapshots.handles]).toEqual([wins, 1]);
    await receiver.close();
    expect([kept(), snapshots.handles]).toEqual([wins, 0]);
  });

  it("drops a receipt that the log has overtaken", async () => {
    const { clock, node, receiver, take, kept, snapshots } = newReceiver();
    await take(firstChunk(1, 10));
    node.commitIndex = 9 as LogIndex;
    receiver.check();
    await clock.turn();
    expect([kept(), receiver.receiving]).toEqual([10, true]);
    node.commitIndex = 10 as LogIndex;
    receiver.check();
    await clock.turn();
    expect([kept(), receiver.receiving, snapshots.handles]).toEqual([undefined, false, 0]);
  });

  it("leaves a disk that has failed alone for a while", async () => {
    const { clock, counters, take, kept, snapshots, posted } = newReceiver();
    snapshots.fault = () => new EngineError("DISK_FULL", "no room");
    for (let times = 0; times < 5; times += 1) await take(firstChunk(1, 10));
    expect(counters.snapshotReceiptFailures).toBe(1);
    snapshots.fault = () => undefined;
    await clock.advance(999);
    await take(firstChunk(1, 10));
    expect([kept(), posted]).toEqual([undefined, []]);
    await clock.advance(1);
    await take(firstChunk(1, 10));
    expect(kept()).toBe(10);
  });

  it("takes nothing behind a gap, and asks for what is missing", async () => {
    const { posted, take, kept, counters } = newReceiver();
    const message = firstChunk(1, 10);
    await take({ ...message, chunks: message.chunks.map((chunk) => ({ ...chunk, sequence: 1 })) });
    expect([kept(), counters.snapshotChunksReceived]).toEqual([undefined, 0]);
    expect(posted).toMatchObject([{ kind: "snapshotProgress", to: 1, nextChunk: 0 }]);
  });

  it("counts messages whose numbers do not fit together, and takes nothing of them", async () => {
    const { counters, take, kept } = newReceiver();
    await take({ ...firstChunk(1, 10), totalChunks: 4 });
    expect([counters.snapshotMessagesMalformed, kept()]).toEqual([1, undefined]);
  });
});
