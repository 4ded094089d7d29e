import { fileURLToPath } from "node:url";
import { AskedProcess } from "../asked-process.js";

/** What the process of one store is told; each is answered with one `StoreAnswer`. */
export type StoreRequest =
  | { readonly kind: "fill"; readonly setup: StoreSetup }
  | { readonly kind: "puts"; readonly count: number }
  | { readonly kind: "memory" };

export interface StoreSetup {
  readonly keys: number;
  readonly valueBytes: number;
  /** Whether the history is kept to its limits, or given up again and again. */
  readonly history: boolean;
}

/** What applying one put takes, the collector's threads included. */
export interface ApplyCost {
  readonly nanos: number;
  readonly cpuNanos: number;
}

/** What one event of the history takes, its key and value included. */
export interface EventMemory {
  readonly events: number;
  readonly heapBytes: number;
  /** Outside of the heap. */
  readonly arrayBytes: number;
}

export interface StoreAnswer {
  readonly cost?: ApplyCost;
  readonly memory?: EventMemory;
}

export type StoreProcess = AskedProcess<StoreRequest, StoreAnswer>;

export function storeProcess(name: string): StoreProcess {
  const program = fileURLToPath(new URL("./store-process.js", import.meta.url));
  return new AskedProcess(name, program, ["--expose-gc", "--max-old-space-size=8192"]);
}
