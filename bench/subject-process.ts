import { EmbeddedEngine } from "d-engine";
import { answerRequests } from "./asked-process.js";
import { keyBytes, type Put, prepareKeys, runCallers } from "./callers.js";
import { RawLimit } from "./raw-limit.js";
import { RawLog } from "./raw-log.js";
import { measureEngineReads, measureMapReads, type ReadOptions } from "./reads.js";
import { Latencies } from "./statistics.js";
import type { SubjectAnswer, SubjectRequest, SubjectSetup } from "./subject.js";

const latenciesMax = 10_000_000;

interface Store {
  readonly put: Put;
  readonly reads: (options: ReadOptions) => ReturnType<typeof measureEngineReads>;
  readonly close: () => Promise<void>;
}

async function openEngine({ folder }: SubjectSetup): Promise<Store> {
  const engine = await EmbeddedEngine.start(folder);
  await engine.waitReady({ timeoutMs: 30_000 });
  const client = engine.client();
  return {
    put: (key, value) => client.put(key, value),
    reads: (options) => measureEngineReads(client, options),
    close: () => engine.close(),
  };
}

async function openRaw({ name, folder, valueBytes }: SubjectSetup): Promise<Store> {
  const log = await RawLog.create(folder);
  const limit = new RawLimit(log, { keyBytes, valueBytes, inPlace: name === "raw, in place" });
  return {
    put: (key, value) => limit.put(key, value),
    reads: async (options) => measureMapReads(limit, options),
    close: () => log.close(),
  };
}

/** Every key once, so that maps and trees have their size before anything is measured. */
async function fill(put: Put, keys: readonly Uint8Array[], valueBytes: number): Promise<void> {
  const value = new Uint8Array(valueBytes);
  const together = 1000;
  for (let from = 0; from < keys.length; from += together) {
    await Promise.all(keys.slice(from, from + together).map((key) => put(key, value)));
  }
}

/** The process of one subject: does what `Subject` asks, one request after the other. */
class SubjectProcess {
  readonly #latencies = new Latencies(latenciesMax);
  #keys: readonly Uint8Array[] = [];
  #valueBytes = 0;
  #store: Store | undefined;

  async handle(request: SubjectRequest): Promise<SubjectAnswer> {
    switch (request.kind) {
      case "start": {
        const { setup } = request;
        this.#keys = prepareKeys(setup.keys);
        this.#valueBytes = setup.valueBytes;
        this.#store = await (setup.name === "engine" ? openEngine(setup) : openRaw(setup));
        await fill(this.#store.put, this.#keys, setup.valueBytes);
        return {};
      }
      case "puts": {
        const load = { ...request, valueBytes: this.#valueBytes };
        const { put } = this.#opened();
        return { load: await runCallers(put, this.#keys, this.#latencies, load) };
      }
      case "reads": {
        const options = { ...request, keys: this.#keys, latencies: this.#latencies };
        return { reads: await this.#opened().reads(options) };
      }
      case "stop":
        await this.#store?.close();
        return {};
    }
  }

  #opened(): Store {
    if (this.#store === undefined) throw new Error("asked before it was started");
    return this.#store;
  }
}

const subject = new SubjectProcess();
answerRequests((request: SubjectRequest) => subject.handle(request));
