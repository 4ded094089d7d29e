import type { LoadFigures, Operation } from "./operations.js";

/** One way into a system, which is measured beside others. */
export interface Subject {
  readonly name: SubjectName;
  readonly operations: readonly Operation[];
  load(operation: Operation, callers: number, durationMs: number): Promise<LoadFigures>;
}

export type SubjectName =
  | "embedded, leader"
  | "embedded, follower"
  | "client"
  | "etcd, etcd3"
  | "etcd, own client";

/** Three nodes and the processes that put load on them. */
export interface System extends AsyncDisposable {
  readonly subjects: readonly Subject[];
  /** Of the nodes and of what puts load on them. */
  readonly pids: readonly number[];
}

export interface SystemOptions {
  /** An empty folder of its own, on the disk that is to be measured. */
  readonly folder: string;
  readonly keys: number;
  readonly valueBytes: number;
  /** Where a CPU profile of every node and load process of ours goes; none without. */
  readonly profileDir: string | undefined;
}
