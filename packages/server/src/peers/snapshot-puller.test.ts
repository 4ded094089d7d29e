import { crc32 } from "node:zlib";
import { type Clock, isEngineError, nodeId, type SnapshotLabel, type Term } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { FEATURE_LEVEL } from "../driver/feature-gate.js";
import { silentLogger } from "../driver/logger.js";
import { pullSnapshot } from "./snapshot-puller.js";
import { STREAM_SNAPSHOT_DEFAULTS } from "./stream-snapshot-call.js";
import { MemorySnapshot, ReceivingStore, sampleFile } from "./testing/memory-snapshots.js";
import { End, open } from "./testing/transport-end.js";

const { chunkBytes, windowChunks } = STREAM_SNAPSHOT_DEFAULTS;
/** More than one window, and a last chunk of its own size. */
const file = sampleFile(chunkBytes * (windowChunks + 4) + 77);

describe("pullSnapshot", () => {
  it("brings the leader's newest snapshot into the store, and lets go of it there", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    expect(await pull(leader, store)).toEqual(new MemorySnapshot(file).label);
    expect(Buffer.compare(store.file!, file)).toBe(0);
    expect(store.written).toBe(file.length);
    await leader.released();
  });

  it("goes on where a broken attempt ended, in the middle of a chunk too", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    const { label } = new MemorySnapshot(file);
    const had = chunkBytes * 3 + 5;
    store.partial = { label, bytes: file.slice(0, had) };
    await pull(leader, store);
    expect(Buffer.compare(store.file!, file)).toBe(0);
    expect(store.written).toBe(file.length - had);
  });

  it("goes on by itself after the connection broke", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    leader.breakAfterReads = 7;
    await pull(leader, store);
    expect(Buffer.compare(store.file!, file)).toBe(0);
    expect(leader.opened).toBe(2);
    expect(store.written).toBe(file.length);
  });

  it("takes nothing when it has that snapshot already", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    await pull(leader, store);
    store.written = 0;
    await pull(leader, store);
    expect(store.written).toBe(0);
  });

  it("asks again for a chunk that was damaged (scenario 46)", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    let damaged = 0;
    await pull(leader, store, {
      crc32: (data) => {
        if (damaged < 3 && data.length < chunkBytes) damaged++;
        else return crc32(data);
        return 0;
      },
    });
    expect(damaged).toBe(3);
    expect(Buffer.compare(store.file!, file)).toBe(0);
    expect(leader.opened).toBe(1);
  });

  it("trusts no file whose checksum is not the announced one, and says so in the end", async () => {
    const leader = await Leader.listen(file);
    leader.damage = (data) => data.fill(1, 0, 1);
    const store = new ReceivingStore();
    const error = await pull(leader, store).catch((caught: unknown) => caught);
    expect(isEngineError(error, "CLUSTER_UNAVAILABLE")).toBe(true);
    expect(String(error)).toMatch(/another checksum/);
    expect(store.newest).toBeUndefined();
    expect(store.partial).toBeUndefined();
  });

  it("follows the hint of a node that does not lead", async () => {
    const leader = await Leader.listen(file);
    const follower = await Leader.listen(file, { id: 2 });
    follower.term = undefined;
    follower.hint = { leaderId: nodeId(1), address: leader.end.address };
    const store = new ReceivingStore();
    await pull(follower, store);
    expect(store.newest).toBeDefined();
    expect(follower.opened).toBe(0);
  });

  it("asks the next endpoint when one is not there", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    await pull(leader, store, { endpoints: ["127.0.0.1:1", leader.end.address] });
    expect(store.newest).toBeDefined();
  });

  it("gives up after a bounded number of attempts when nobody leads", async () => {
    const follower = await Leader.listen(file);
    follower.term = undefined;
    const error = await pull(follower, new ReceivingStore()).catch((caught: unknown) => caught);
    expect(isEngineError(error, "CLUSTER_UNAVAILABLE")).toBe(true);
    expect(String(error)).toMatch(/does not lead.*8 attempts/);
  });

  it("is refused at once by a node of another cluster", async () => {
    const leader = await Leader.listen(file);
    const error = await pull(leader, new ReceivingStore(), {
      identity: { ...identity, clusterId: "d".repeat(32) },
    }).catch((caught: unknown) => caught);
    expect(isEngineError(error, "INVALID_REQUEST")).toBe(true);
    expect(String(error)).toMatch(/belongs to cluster d/);
    expect(leader.opened).toBe(0);
  });

  it("rejects with the reason of its signal, and keeps what has come", async () => {
    const leader = await Leader.listen(file);
    const store = new ReceivingStore();
    const abort = new AbortController();
    leader.onRead = (reads) => {
      if (reads === 5) abort.abort(new Error("enough"));
    };
    await expect(pull(leader, store, { signal: abort.signal })).rejects.toThrow("enough");
    expect(store.newest).toBeUndefined();
    await leader.released();
  });

  it("serves a bounded number of learners at a time", async () => {
    const leader = await Leader.listen(file);
    leader.hold = new Promise(() => undefined);
    const abort = new AbortController();
    const { callsMax } = STREAM_SNAPSHOT_DEFAULTS;
    const waiting = Array.from({ length: callsMax }, () =>
      pull(leader, new ReceivingStore(), { signal: abort.signal }).catch(() => "aborted"),
    );
    await leader.end.until(() => leader.opened === callsMax, { poll: true });
    const error = await pull(leader, new ReceivingStore()).catch((caught: unknown) => caught);
    expect(String(error)).toMatch(/4 learners are being sent a snapshot/);
    abort.abort(new Error("enough"));
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => "aborted"));
  });
});

const identity = {
  clusterId: "c".repeat(32),
  nodeId: nodeId(7),
  instanceId: "7".repeat(32),
  featureLevel: FEATURE_LEVEL,
};

/** Pauses take no time. */
const hastyClock: Clock = {
  nowMs: () => 0,
  wallMs: () => 0,
  setTimer: (_delayMs, run) => {
    const handle = setImmediate(run);
    return { cancel: () => clearImmediate(handle) };
  },
  defer: (run) => void setImmediate(run),
};

function pull(
  from: Leader,
  snapshots: ReceivingStore,
  options: Partial<Parameters<typeof pullSnapshot>[0]> = {},
): Promise<SnapshotLabel | undefined> {
  return pullSnapshot({
    endpoints: [from.end.address],
    identity,
    snapshots,
    crc32,
    logger: silentLogger,
    clock: hastyClock,
    ...options,
  });
}

/** A node that serves one snapshot, and everything that can go wrong with that. */
class Leader {
  readonly end: End;
  readonly #file: Uint8Array;
  readonly #snapshots: MemorySnapshot[] = [];
  term: Term | undefined = 3 as Term;
  hint: { readonly leaderId: ReturnType<typeof nodeId>; readonly address: string } | undefined;
  hold: Promise<void> | undefined;
  opened = 0;
  reads = 0;
  breakAfterReads = Number.POSITIVE_INFINITY;
  onRead: (reads: number) => void = () => undefined;
  damage: (data: Uint8Array) => Uint8Array = (data) => data;

  static async listen(bytes: Uint8Array, { id = 1 } = {}): Promise<Leader> {
    const leader = new Leader(id, bytes);
    open.push(leader.end);
    await leader.end.listen({
      leadingTerm: () => leader.term,
      leaderHint: () => leader.hint,
      openSnapshot: () => leader.#openSnapshot(),
    });
    return leader;
  }

  private constructor(id: number, bytes: Uint8Array) {
    this.end = new End(id);
    this.#file = bytes;
  }

  /** Resolves when every file that was opened is closed. */
  async released(): Promise<void> {
    await this.end.until(() => this.#snapshots.every(({ readers }) => readers === 0), {
      poll: true,
    });
  }

  async #openSnapshot(): Promise<MemorySnapshot> {
    this.opened++;
    await this.hold;
    const snapshot = new MemorySnapshot(this.#file);
    snapshot.readers++;
    this.#snapshots.push(snapshot);
    const read = snapshot.read.bind(snapshot);
    snapshot.read = async (position, length) => {
      this.reads++;
      this.onRead(this.reads);
      if (this.reads === this.breakAfterReads) throw new Error("the disk does not answer");
      return this.damage(await read(position, length));
    };
    return snapshot;
  }
}
