/**
 * Monotonic time of one clock, any unit. Nanoseconds of a host that has been up for more than
 * 104 days need a `bigint`; numbers and bigints may be mixed.
 */
export type Instant = number | bigint;

/**
 * One operation as its client saw it: from the moment it was called to the moment it was answered.
 * `unknown` may take effect at any time from `call` on, or never; `fail` has no effect, now or
 * later.
 */
export interface HistoryOperation {
  readonly client: string;
  /** The node asked, where that matters: for `stale` reads. */
  readonly node?: string | undefined;
  readonly op: "put" | "get" | "cas" | "delete";
  readonly key: string;
  /** Written by `put` and `cas`, answered by `get`; absent in a `get` that found nothing. */
  readonly value?: string | undefined;
  /** What `cas` compares with; absent: the key must not exist. */
  readonly expect?: string | undefined;
  /** `cas`: whether it was set. `delete`: whether the key existed, when the answer says so. */
  readonly done?: boolean | undefined;
  /** The store revision that an acknowledged write made. */
  readonly rev?: number | undefined;
  readonly call: Instant;
  /** Absent while the operation has no known end. */
  readonly return?: Instant | undefined;
  readonly status: "ok" | "unknown" | "fail";
  /** An eventual read: promised to be some past state only, and never to go back. */
  readonly stale?: boolean | undefined;
}

/** Orders instants of either representation exactly. */
export function compareInstants(a: Instant, b: Instant): number {
  if (a === b) return 0;
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Whether `a` was answered before `b` was called, so that `a` must come first. A call that ended
 * without its outcome has not been answered: it may take effect at any later time.
 */
export function precedes(a: HistoryOperation, b: HistoryOperation): boolean {
  if (a.status === "unknown" || a.return === undefined) return false;
  return compareInstants(a.return, b.call) < 0;
}

/** An answered write that changed the store, as far as its answer tells. */
export function isAcknowledgedWrite(operation: HistoryOperation): boolean {
  if (operation.status !== "ok") return false;
  if (operation.op === "put") return true;
  return (operation.op === "cas" || operation.op === "delete") && operation.done === true;
}

/** One line for people. */
export function describeOperation(operation: HistoryOperation): string {
  const { op, key, value, expect } = operation;
  const text = (bytes: string | undefined) =>
    bytes === undefined ? "none" : JSON.stringify(bytes);
  const what =
    op === "put"
      ? `put ${key} = ${text(value)}`
      : op === "delete"
        ? `delete ${key}`
        : op === "get"
          ? `get ${key}`
          : `cas ${key}: ${text(expect)} to ${text(value)}`;
  const at = operation.node === undefined ? "" : ` at node ${operation.node}`;
  const span = `[${operation.call}, ${operation.return ?? "never answered"}]`;
  return `${span} client ${operation.client}${at}: ${what} -> ${describeAnswer(operation)}`;
}

function describeAnswer(operation: HistoryOperation): string {
  if (operation.status !== "ok") return operation.status;
  const revision = operation.rev === undefined ? "" : ` (revision ${operation.rev})`;
  switch (operation.op) {
    case "get":
      return `${operation.value === undefined ? "none" : JSON.stringify(operation.value)}${revision}`;
    case "cas":
      return (operation.done === true ? "set" : "not set") + revision;
    case "delete":
    case "put":
      return (operation.done === false ? "nothing there" : "ok") + revision;
  }
}
