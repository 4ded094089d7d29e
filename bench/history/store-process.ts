/** The process of one store, apart from any node: what is measured is `apply` alone. */
import { encodeKvWrite, encodePut, Slab } from "@d-engine/codec";
import type { LogIndex } from "@d-engine/core";
import { KV_LIMITS_DEFAULTS, KvStateMachine } from "@d-engine/kv";
import { answerRequests } from "../asked-process.js";
import { ScratchKeys } from "../callers.js";
import { memoryInUse } from "../memory.js";
import type {
  ApplyCost,
  EventMemory,
  StoreAnswer,
  StoreRequest,
  StoreSetup,
} from "./store-requests.js";

/** How often a leader looks whether the history is to be compacted, in puts. */
const lookEvery = 1000;
const stride = 7919; // prime, so that every key is visited

class MeasuredStore {
  readonly #machine = new KvStateMachine();
  readonly #slab = new Slab();
  readonly #keys: ScratchKeys;
  readonly #value: Uint8Array;
  readonly #history: boolean;
  #index = 0;
  #drawn = 0;

  constructor({ keys, valueBytes, history }: StoreSetup) {
    this.#keys = new ScratchKeys(keys);
    this.#value = new Uint8Array(valueBytes).fill(0x76);
    this.#history = history;
    this.#drawn = -stride % keys;
    for (let n = 0; n < keys; n++) this.#put(n);
  }

  puts(count: number): ApplyCost {
    const cpuBefore = process.cpuUsage();
    const startedMs = performance.now();
    for (let i = 0; i < count; i++) {
      this.#drawn = (this.#drawn + stride) % this.#keys.length;
      this.#put(this.#drawn);
    }
    const elapsedMs = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { nanos: (elapsedMs * 1e6) / count, cpuNanos: ((user + system) * 1e3) / count };
  }

  /** Of a history that is filled from nothing to nearly its limit. */
  async memory(): Promise<EventMemory> {
    const { historyEventsMax: events } = KV_LIMITS_DEFAULTS;
    this.puts(events);
    this.#compact(this.#machine.revision);
    // Memory is given back by the next commands.
    this.puts(lookEvery);
    this.#compact(this.#machine.revision);
    const before = await memoryInUse();
    const { revision } = this.#machine;
    const counted = events - lookEvery;
    for (let i = 0; i < counted; i++) this.#apply(this.#encoded(i % this.#keys.length));
    if (this.#machine.revision !== revision + counted) throw new Error("a put made no revision");
    const after = await memoryInUse();
    return {
      events: counted,
      heapBytes: (after.heapBytes - before.heapBytes) / counted,
      arrayBytes: (after.arrayBytes - before.arrayBytes) / counted,
    };
  }

  #put(n: number): void {
    this.#apply(this.#encoded(n));
    if (this.#index % lookEvery !== 0) return;
    const due = this.#history ? this.#machine.compactionDue() : this.#machine.revision;
    if (due !== undefined) this.#compact(due);
  }

  #encoded(n: number): Uint8Array {
    return encodePut(this.#slab, this.#keys.at(n), this.#value);
  }

  #compact(revision: number): void {
    this.#apply(encodeKvWrite(this.#slab, { kind: "compact", revision }));
  }

  #apply(command: Uint8Array): void {
    this.#index += 1;
    this.#machine.apply(this.#index as LogIndex, command);
  }
}

let store: MeasuredStore | undefined;

answerRequests<StoreRequest, StoreAnswer>(async (request) => {
  if (request.kind === "fill") {
    store = new MeasuredStore(request.setup);
    return {};
  }
  if (store === undefined) throw new Error("asked before it was filled");
  if (request.kind === "puts") return { cost: store.puts(request.count) };
  return { memory: await store.memory() };
});
