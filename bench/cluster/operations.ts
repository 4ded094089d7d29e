/** What callers do: a durable put, or a read of one key at a level. */
export const OPERATIONS = ["put", "linearizable", "lease", "eventual"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Does one operation; rejects when it fails. */
export type Operate = (operation: Operation, key: Uint8Array) => Promise<unknown>;

/** Where a load process sends its operations. */
export type Target =
  | {
      readonly kind: "member";
      readonly nodeId: number;
      readonly initialCluster: string;
      readonly dataDir: string;
    }
  | { readonly kind: "client"; readonly endpoints: readonly string[] }
  | { readonly kind: "etcd3"; readonly endpoint: string };

/** What a load process is asked, one after the other; `open` comes first. */
export type LoadRequest =
  | {
      readonly kind: "open";
      readonly target: Target;
      readonly keys: number;
      readonly valueBytes: number;
    }
  /** Puts every key once. */
  | { readonly kind: "fill" }
  | {
      readonly kind: "load";
      readonly operation: Operation;
      readonly callers: number;
      readonly durationMs: number;
    }
  | { readonly kind: "leader" }
  | { readonly kind: "close" };

export interface LoadAnswer {
  readonly load?: LoadFigures;
  /** The leader that this process knows of, once there is one that can serve. */
  readonly leaderId?: number;
}

/** Of one load. */
export interface LoadFigures {
  readonly operations: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
