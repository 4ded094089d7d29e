import { connect } from "@d-engine/client";
import { EmbeddedEngine, type EngineClient } from "d-engine";
import { Etcd3 } from "etcd3";
import { answerRequests } from "../asked-process.js";
import { prepareKeys } from "../callers.js";
import { Latencies } from "../statistics.js";
import type { LoadAnswer, LoadRequest, Operate, Target } from "./operations.js";
import { runLoad } from "./run-load.js";

const latenciesMax = 4_000_000;
const readyTimeoutMs = 60_000;
const fillTogether = 1_000;
/** A busy machine is slow; it must not turn into failed calls. */
const callTimeoutMs = 30_000;

interface Opened {
  readonly operate: Operate;
  readonly leaderId: () => Promise<number | undefined>;
  readonly close: () => Promise<void>;
}

function open(target: Target, value: Uint8Array): Promise<Opened> {
  switch (target.kind) {
    case "member":
      return openMember(target, value);
    case "client":
      return openClient(target.endpoints, value);
    case "etcd3":
      return openEtcd(target.endpoint, value);
  }
}

async function openMember(
  { nodeId, initialCluster, dataDir }: Extract<Target, { kind: "member" }>,
  value: Uint8Array,
): Promise<Opened> {
  const settings = { requestTimeoutMs: callTimeoutMs };
  const engine = await EmbeddedEngine.start({ dataDir, nodeId, initialCluster, ...settings });
  const client = engine.client();
  return {
    operate: operateWith(client, value),
    leaderId: async () => engine.leaderInfo?.leaderId,
    close: () => engine.close(),
  };
}

async function openClient(endpoints: readonly string[], value: Uint8Array): Promise<Opened> {
  const client = await connect(endpoints, { readyTimeoutMs, timeoutMs: callTimeoutMs });
  return {
    operate: operateWith(client, value),
    leaderId: () => client.getLeaderId(),
    close: () => client.close(),
  };
}

function operateWith(client: EngineClient, value: Uint8Array): Operate {
  return (operation, key) =>
    operation === "put"
      ? client.put(key, value)
      : client.get(key, { consistency: operation }).then(mustExist);
}

/** etcd has no lease reads: a leader asks the others for every linearizable one. */
async function openEtcd(endpoint: string, value: Uint8Array): Promise<Opened> {
  const client = new Etcd3({ hosts: endpoint, dialTimeout: readyTimeoutMs });
  const bytes = Buffer.from(value);
  const buffers = new Map<Uint8Array, Buffer>();
  const bufferOf = (key: Uint8Array): Buffer => {
    const known = buffers.get(key) ?? Buffer.from(key);
    buffers.set(key, known);
    return known;
  };
  const kv = client.kv;
  return {
    operate: (operation, key) =>
      operation === "put"
        ? kv.put({ key: bufferOf(key), value: bytes })
        : kv
            .range({ key: bufferOf(key), serializable: operation === "eventual" })
            .then(({ kvs }) => mustExist(kvs[0]?.value)),
    leaderId: async () => undefined,
    close: async () => client.close(),
  };
}

function mustExist(value: unknown): void {
  if (value === undefined) throw new Error("a key that was put is missing");
}

/** Answers the requests of `LoadRequest`; the leader of a member is asked from time to time. */
class LoadProcess {
  readonly #latencies = new Latencies(latenciesMax);
  #keys: readonly Uint8Array[] = [];
  #opened: Opened | undefined;

  async handle(request: LoadRequest): Promise<LoadAnswer> {
    if (request.kind === "open") {
      this.#keys = prepareKeys(request.keys);
      const value = new Uint8Array(request.valueBytes).fill(0x76);
      this.#opened = await open(request.target, value);
      return {};
    }
    const opened = this.#opened;
    if (opened === undefined) throw new Error("asked before it was opened");
    switch (request.kind) {
      case "fill":
        await this.#fill(opened);
        return {};
      case "load":
        return { load: await runLoad(opened.operate, this.#keys, this.#latencies, request) };
      case "leader": {
        const leaderId = await opened.leaderId();
        return leaderId === undefined ? {} : { leaderId };
      }
      case "close":
        await opened.close();
        return {};
    }
  }

  async #fill({ operate }: Opened): Promise<void> {
    const keys = this.#keys;
    for (let from = 0; from < keys.length; from += fillTogether) {
      const together = keys.slice(from, from + fillTogether);
      await Promise.all(together.map((key) => operate("put", key)));
    }
  }
}

const loads = new LoadProcess();
answerRequests((request: LoadRequest) => loads.handle(request));
