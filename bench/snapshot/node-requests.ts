import { fileURLToPath } from "node:url";
import { AskedProcess } from "../asked-process.js";
import type { LoadWindow } from "./put-load.js";
import type { Stalls } from "./stall-meter.js";

export interface NodeSetup {
  readonly dataDir: string;
  readonly nodeId: number;
  readonly listen?: string;
  readonly initialCluster?: string;
  readonly join?: string;
}

/** What the process of a node is told; each is answered with one `NodeAnswer`. */
export type NodeRequest =
  | { readonly kind: "start"; readonly setup: NodeSetup }
  | { readonly kind: "fill"; readonly keys: number; readonly valueBytes: number }
  | ({ readonly kind: "freeze" } & FreezeOptions)
  | { readonly kind: "save" }
  | { readonly kind: "status" }
  | { readonly kind: "close" };

export interface FreezeOptions {
  readonly callers: number;
  readonly keys: number;
  readonly valueBytes: number;
  /** How long puts are measured before a snapshot, and after it. */
  readonly quietMs: number;
}

/** One snapshot under load, between two stretches without. */
export interface FreezeSample {
  readonly before: LoadWindow;
  readonly during: LoadWindow;
  readonly after: LoadWindow;
  readonly bytes: number;
}

export interface NodeStatus {
  readonly isLeader: boolean;
  readonly term: number;
  readonly roleChanges: number;
  /** The most since `status` was asked before. */
  readonly rssMax: number;
  readonly logPurges: number;
}

/** How a node got its first snapshot: until its last byte was here, and until it served reads. */
export interface JoinFigures extends Stalls {
  readonly bytes: number;
  readonly transferMs: number;
  readonly servesMs: number;
}

export interface NodeAnswer {
  /** Of `start`: until a linearizable read was answered, for a node with a majority. */
  readonly serveMs?: number;
  /** CPU of all threads for it. */
  readonly serveCpuMs?: number;
  readonly freeze?: FreezeSample;
  readonly bytes?: number;
  readonly status?: NodeStatus;
  /** Of `start`, for a node that joins. */
  readonly join?: JoinFigures;
}

export type NodeProcess = AskedProcess<NodeRequest, NodeAnswer>;

export function nodeProcess(name: string): NodeProcess {
  const program = fileURLToPath(new URL("./node-process.js", import.meta.url));
  // Values are outside of the heap; a million records with their tree is what is in it.
  return new AskedProcess(name, program, ["--max-old-space-size=8192"]);
}

/** Ends the process, whatever came of it. */
export async function withProcess<T>(
  name: string,
  use: (node: NodeProcess) => Promise<T>,
): Promise<T> {
  const node = nodeProcess(name);
  try {
    return await use(node);
  } finally {
    node.kill();
  }
}
