import {
  type Envelope,
  type InputEvent,
  LOG_ORIGIN,
  type LogIndex,
  type NodeId,
  type RaftNode,
  type ReplicationState,
  type Term,
} from "@d-engine/core";
import { tableCrc32 } from "@d-engine/storage";
import { describe, expect, it } from "vitest";
import { silentLogger } from "../logger.js";
import { Counters } from "../metrics.js";
import { DRIVER_DEFAULTS } from "../options.js";
import { ManualSnapshots } from "../testing/manual-snapshots.js";
import { VirtualClock } from "../testing/virtual-clock.js";
import { SnapshotSender } from "./snapshot-sender.js";
import { TokenBucket } from "./token-bucket.js";

const [two, three, four] = [2, 3, 4] as NodeId[] as [NodeId, NodeId, NodeId];
const lastIncluded = { term: 1 as Term, index: 9 as LogIndex };

/** A leader as far as the sender looks at it, and what it sends. */
function senderWith(options: Partial<typeof DRIVER_DEFAULTS> = {}) {
  const clock = new VirtualClock();
  const label = { lastIncluded, checksum: new Uint8Array(32), bytes: 5_000 };
  const complete = [{ label, bytes: new Uint8Array(5_000) }];
  const snapshots = new ManualSnapshots({ complete, partial: undefined }, clock);
  const states = new Map<NodeId, ReplicationState>();
  const leader = {
    term: 1 as Term,
    replicationStateOf: (peer: NodeId) => states.get(peer) ?? "snapshot",
  };
  const sent: Envelope[] = [];
  const posted: InputEvent[] = [];
  const counters = new Counters();
  const sender = new SnapshotSender({
    self: 1 as NodeId,
    node: leader as unknown as RaftNode,
    snapshots,
    transport: {
      start: () => undefined,
      send: (envelope) => sent.push(envelope),
      setMembers: () => undefined,
      close: async () => undefined,
    },
    clock,
    random: { next: () => 0 },
    crc32: tableCrc32,
    options: { ...DRIVER_DEFAULTS, snapshotChunkBytes: 1_000, ...options },
    logger: silentLogger,
    counters,
    bucket: new TokenBucket(0, clock.nowMs()),
    answerTimeoutMs: 100,
    post: (event) => posted.push(event),
  });
  const answer = (from: NodeId, nextChunk: number, installed = false) =>
    sender.answer(from, {
      kind: "installSnapshotResponse",
      term: leader.term,
      lastIncluded,
      nextChunk,
      installed,
    });
  /** To whom, and which chunks. */
  const taken = () =>
    sent.splice(0).map(({ to, message }) => {
      if (message.kind !== "installSnapshot") throw new Error("unexpected");
      return [to, message.chunks.map(({ sequence }) => sequence)];
    });
  return { clock, snapshots, states, leader, sender, posted, counters, answer, taken };
}

describe("SnapshotSender", () => {
  it("sends to a bounded number at once; the next peer waits for its turn", async () => {
    const { clock, sender, answer, taken, posted } = senderWith({ snapshotTransfersMax: 2 });
    for (const peer of [two, three, four]) sender.send(peer);
    await clock.turn();
    expect(taken()).toEqual([
      [2, []],
      [3, []],
    ]);
    answer(two, 0, true);
    await clock.turn();
    expect(posted).toEqual([{ kind: "snapshotSent", peer: 2, lastIncluded }]);
    expect(taken()).toEqual([[4, []]]);
    await sender.close();
  });

  it("goes on where the peer says, a window at a time", async () => {
    const { clock, sender, answer, taken } = senderWith({ snapshotWindowChunks: 2 });
    sender.send(two);
    await clock.turn();
    for (const next of [1, 3, 3, 2, 5, 7, -1, 0.5]) {
      answer(two, next);
      await clock.turn();
    }
    expect(taken()).toEqual([
      [2, []],
      [2, [1, 2]],
      [2, [3, 4]],
    ]);
    await sender.close();
  });

  it("asks again after silences, less and less often", async () => {
    const { clock, sender, taken } = senderWith();
    sender.send(two);
    await clock.advance(100 + 200 + 400 + 800 + 1_600 + 1_600 + 1);
    expect(taken()).toHaveLength(7);
    await sender.close();
    expect(clock.pending).toBe(0);
  });

  it("lets a peer that stays silent give way to one that waits, and comes back to it", async () => {
    const { clock, sender, answer, taken, posted } = senderWith({ snapshotTransfersMax: 1 });
    sender.send(two);
    sender.send(three);
    await clock.turn();
    await clock.advance(100 + 1);
    expect(taken().map(([peer]) => peer)).toEqual([2, 3]);
    answer(three, 0, true);
    await clock.turn();
    expect(posted).toEqual([{ kind: "snapshotSent", peer: 3, lastIncluded }]);
    expect(taken()).toEqual([[2, []]]);
    await sender.close();
  });

  it("ignores answers about another snapshot, and of peers that are sent none", async () => {
    const { clock, sender, taken, posted } = senderWith();
    sender.send(two);
    await clock.turn();
    taken();
    const base = { kind: "installSnapshotResponse", term: 1 as Term, nextChunk: 0 } as const;
    sender.answer(two, { ...base, lastIncluded: LOG_ORIGIN, installed: true });
    const otherTerm = { term: 2 as Term, index: lastIncluded.index };
    sender.answer(two, { ...base, lastIncluded: otherTerm, installed: true });
    sender.answer(three, { ...base, lastIncluded, installed: true });
    await clock.turn();
    expect([taken(), posted]).toEqual([[], []]);
    await sender.close();
  });

  it("ends what the core does not wait for any more, and lets go of the file", async () => {
    const { clock, sender, states, snapshots, leader, posted } = senderWith();
    sender.send(two);
    sender.send(three);
    await clock.turn();
    expect([snapshots.handles, sender.hold]).toEqual([2, 9]);
    states.set(two, "probe");
    sender.check();
    await clock.turn();
    expect(snapshots.handles).toBe(1);
    leader.term = 2 as Term;
    sender.check();
    await clock.turn();
    expect([snapshots.handles, sender.hold, clock.pending]).toEqual([0, undefined, 0]);
    expect(posted).toEqual([]);
  });

  it("leaves a failed attempt alone for a while, and gives up on a file found damaged", async () => {
    const { clock, sender, answer, counters, taken } = senderWith({ snapshotWindowChunks: 8 });
    sender.send(two);
    await clock.turn();
    // The peer takes it all and begins anew, three times.
    for (let times = 0; times < 3; times += 1) {
      answer(two, 0);
      await clock.turn();
      answer(two, 5);
      await clock.advance(100);
    }
    answer(two, 0);
    expect(counters.snapshotSendFailures).toBe(1);
    taken();
    await clock.advance(900);
    expect(taken()).toEqual([]);
    await clock.advance(200);
    expect(taken()[0]).toEqual([2, []]);
    await sender.close();
  });

  it("waits at its close for a read that is under way", async () => {
    const { clock, sender, answer, snapshots } = senderWith();
    sender.send(two);
    await clock.turn();
    let handlesAtRead = -1;
    snapshots.fault = () => {
      handlesAtRead = snapshots.handles;
      return undefined;
    };
    answer(two, 0);
    await Promise.resolve();
    const closing = sender.close();
    await clock.turn();
    await closing;
    expect([handlesAtRead, snapshots.handles]).toEqual([1, 0]);
  });
});
