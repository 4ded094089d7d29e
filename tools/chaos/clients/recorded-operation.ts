import type { Consistency } from "@d-engine/client";

/**
 * One operation as a client saw it, one line of a history file. Times are nanoseconds of the
 * machine's monotonic clock since the run began. `unknown` may have happened or happen yet;
 * `fail` has no effect.
 */
export interface RecordedOperation {
  readonly client: string;
  /** The node asked; on eventual reads only, which promise something for one node. */
  readonly node?: string;
  readonly op: "put" | "get" | "cas" | "delete";
  readonly key: string;
  readonly value?: string | undefined;
  readonly expect?: string | undefined;
  readonly done?: boolean;
  readonly rev?: number;
  readonly call: number;
  readonly return?: number;
  readonly status: "ok" | "unknown" | "fail";
  /** An eventual read. */
  readonly stale?: true;
  /** Beyond what the checker reads, for people: the level of a read, the error of a failure. */
  readonly level?: Consistency;
  readonly error?: string;
}
