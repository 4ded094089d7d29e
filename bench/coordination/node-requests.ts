import { fileURLToPath } from "node:url";
import { AskedProcess } from "../asked-process.js";
import type { LoadWindow } from "../snapshot/put-load.js";

/** What the process of one node is told; each is answered with one `NodeAnswer`. */
export type NodeRequest =
  | ({ readonly kind: "start" } & NodeSetup)
  | ({ readonly kind: "puts" } & PutOptions)
  | ({ readonly kind: "watch" } & WatchersWanted)
  | { readonly kind: "unwatch" }
  | { readonly kind: "fanOut"; readonly remote: boolean; readonly readers: number }
  | { readonly kind: "locks"; readonly remote: boolean; readonly rounds: number }
  | { readonly kind: "hold"; readonly leases: number }
  | ({ readonly kind: "expire" } & ExpiryOptions)
  | { readonly kind: "close" };

export interface NodeSetup {
  readonly dataDir: string;
  /** Keys that puts draw from, each written once. */
  readonly keys: number;
  readonly valueBytes: number;
}

export interface PutOptions {
  readonly callers: number;
  readonly durationMs: number;
}

/** One watcher for each of so many keys: those that puts draw from, or others. */
export interface WatchersWanted {
  readonly count: number;
  readonly keys?: WatchedKeys;
}

export type WatchedKeys = "put" | "others";

export interface ExpiryOptions {
  readonly callers: number;
  /** Keys with a time to live, all of which end at about the same moment. */
  readonly expiries: number;
}

/** One put to a key that many watch, in milliseconds from its beginning. */
export interface FanOutRound {
  /** Until the caller knew that it is durable. */
  readonly putMs: number;
  /** Until the last of the readers had its event. */
  readonly reachedMs: number;
}

export interface FanOut {
  readonly rounds: readonly FanOutRound[];
  /** What it takes to settle as many promises that somebody awaits, and no more. */
  readonly promisesMs: number;
}

/** How long each round took, in milliseconds; both kinds in turns. */
export interface LockRounds {
  /** Taking a lock that nobody else wants, and giving it up. */
  readonly lockMs: readonly number[];
  /** Two puts, one after the other. */
  readonly putsMs: readonly number[];
}

export interface Expiry {
  /** Puts of other keys before, and from the deadline until the last key was gone. */
  readonly quiet: LoadWindow;
  readonly during: LoadWindow;
  /** From the first delete to the last, as a watcher saw them. */
  readonly spanMs: number;
  /** The last delete after the last deadline, counted from when that put returned. */
  readonly lateMs: number;
}

export interface NodeAnswer {
  readonly load?: LoadWindow;
  /** Of `watch`: memory in use that each watcher adds. */
  readonly bytesPerWatcher?: number;
  readonly fanOut?: FanOut;
  readonly locks?: LockRounds;
  readonly expiry?: Expiry;
}

export type NodeProcess = AskedProcess<NodeRequest, NodeAnswer>;

/** Lets `use` have a node of its own, and ends its process whatever came of it. */
export async function withNode<T>(
  setup: NodeSetup,
  use: (node: NodeProcess) => Promise<T>,
): Promise<T> {
  const program = fileURLToPath(new URL("./node-process.js", import.meta.url));
  const args = ["--expose-gc", "--max-old-space-size=8192"];
  const node: NodeProcess = new AskedProcess("node", program, args);
  try {
    await node.ask({ kind: "start", ...setup });
    const result = await use(node);
    await node.ask({ kind: "close" });
    return result;
  } finally {
    node.kill();
  }
}
