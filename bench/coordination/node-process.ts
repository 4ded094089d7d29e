/** The process of one node of which watches and leases are measured. */
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "@d-engine/client";
import { EmbeddedEngine, type EngineClient } from "d-engine";
import { answerRequests } from "../asked-process.js";
import { nthKey, ScratchKeys } from "../callers.js";
import { memoryInUse } from "../memory.js";
import { PutLoad } from "../snapshot/put-load.js";
import { expire } from "./expiry.js";
import { fanOut } from "./fan-out.js";
import { lockRounds } from "./lock-rounds.js";
import type {
  FanOut,
  LockRounds,
  NodeAnswer,
  NodeRequest,
  NodeSetup,
  PutOptions,
  WatchersWanted,
} from "./node-requests.js";
import { Watchers } from "./watchers.js";

const readyTimeoutMs = 30_000;
/** A busy machine is slow; it must not turn into failed calls. */
const requestTimeoutMs = 30_000;
const fillAtOnce = 1000;
const heldTtlMs = 30_000;

class MeasuredNode {
  readonly #engine: EmbeddedEngine;
  readonly #client: EngineClient;
  readonly #keys: ScratchKeys;
  readonly #valueBytes: number;
  #watchers: Watchers | undefined;

  constructor(engine: EmbeddedEngine, { keys, valueBytes }: NodeSetup) {
    this.#engine = engine;
    this.#client = engine.client();
    this.#keys = new ScratchKeys(keys);
    this.#valueBytes = valueBytes;
  }

  static async start(setup: NodeSetup): Promise<MeasuredNode> {
    const { dataDir } = setup;
    const listen = "127.0.0.1:0";
    const engine = await EmbeddedEngine.start({
      dataDir,
      listen,
      requestTimeoutMs,
      // None is taken meanwhile: what a snapshot costs has a suite of its own.
      snapshotEntries: 2 ** 40,
      snapshotLogBytes: 2 ** 40,
      logBytesMax: 2 ** 50,
    });
    await engine.waitReady({ timeoutMs: readyTimeoutMs });
    const node = new MeasuredNode(engine, setup);
    await node.#fill();
    return node;
  }

  async handle(request: Exclude<NodeRequest, { kind: "start" }>): Promise<NodeAnswer> {
    switch (request.kind) {
      case "puts":
        return { load: await this.#puts(request) };
      case "watch":
        return { bytesPerWatcher: await this.#watch(request) };
      case "unwatch":
        await this.#watchers?.close();
        this.#watchers = undefined;
        return {};
      case "fanOut":
        return { fanOut: await this.#fanOut(request.remote, request.readers) };
      case "locks":
        return { locks: await this.#locks(request.remote, request.rounds) };
      case "hold":
        await this.#hold(request.leases);
        return {};
      case "expire": {
        const { expiries, callers } = request;
        const startLoad = () => this.#load(callers);
        return { expiry: await expire(this.#client, expiries, startLoad) };
      }
      case "close":
        await this.#watchers?.close();
        await this.#engine.close();
        return {};
    }
  }

  async #fill(): Promise<void> {
    const value = new Uint8Array(this.#valueBytes).fill(0x76);
    for (let from = 0; from < this.#keys.length; from += fillAtOnce) {
      const length = Math.min(fillAtOnce, this.#keys.length - from);
      const put = (_: unknown, n: number) => this.#client.put(this.#keys.at(from + n), value);
      await Promise.all(Array.from({ length }, put));
    }
  }

  async #puts({ callers, durationMs }: PutOptions) {
    const load = this.#load(callers);
    try {
      await pause(durationMs / 4);
      return await load.measure(pause(durationMs));
    } finally {
      await load.stop();
    }
  }

  #load(callers: number): PutLoad {
    const put = (key: Uint8Array, value: Uint8Array) => this.#client.put(key, value);
    return new PutLoad(put, this.#keys, this.#valueBytes, callers);
  }

  async #watch({ count, keys }: WatchersWanted): Promise<number> {
    const from = keys === "put" ? 0 : this.#keys.length;
    const watched = Array.from({ length: count }, (_, n) => nthKey(from + n));
    const before = await memoryInUse();
    this.#watchers = new Watchers();
    await this.#watchers.open(this.#client, watched);
    const after = await memoryInUse();
    const added = after.heapBytes + after.arrayBytes - before.heapBytes - before.arrayBytes;
    return added / count;
  }

  #fanOut(remote: boolean, readers: number): Promise<FanOut> {
    return this.#through(remote, (reader) => fanOut(this.#client, reader, readers));
  }

  #locks(remote: boolean, rounds: number): Promise<LockRounds> {
    return this.#through(remote, (client) => lockRounds(client, rounds));
  }

  /** With the client in the process, or one that is connected over loopback. */
  async #through<T>(remote: boolean, use: (client: EngineClient) => Promise<T>): Promise<T> {
    if (!remote) return await use(this.#client);
    const { address } = this.#engine;
    if (address === undefined) throw new Error("the node does not listen");
    await using client = await connect([address], { readyTimeoutMs });
    return await use(client);
  }

  /** Leases that the client keeps alive until the process ends. */
  async #hold(leases: number): Promise<void> {
    for (let held = 0; held < leases; held += fillAtOnce) {
      const length = Math.min(fillAtOnce, leases - held);
      await Promise.all(Array.from({ length }, () => this.#client.grantLease(heldTtlMs)));
    }
  }
}

let node: MeasuredNode | undefined;

answerRequests<NodeRequest, NodeAnswer>(async (request) => {
  if (request.kind === "start") {
    node = await MeasuredNode.start(request);
    return {};
  }
  if (node === undefined) throw new Error("asked before it was started");
  return await node.handle(request);
});
