/** Names one member of a cluster. An unsigned 32-bit integer, never 0. */
export type NodeId = number & { readonly brand: "NodeId" };
/** A Raft term (paper §5.1). Grows for ever; 0 before the first election. */
export type Term = number & { readonly brand: "Term" };
/** A position in the replicated log. The first entry has index 1; 0 stands for "before the log". */
export type LogIndex = number & { readonly brand: "LogIndex" };
/** Numbers the persistence batches of one run of a node, from 1. */
export type BatchId = number & { readonly brand: "BatchId" };
/** Names one request of the driver until its reply; chosen by the driver. */
export type RequestId = number & { readonly brand: "RequestId" };

/** A position in the log together with the term in which its entry was created. */
export interface LogId {
  readonly term: Term;
  readonly index: LogIndex;
}

/** The position before every log. */
export const LOG_ORIGIN: LogId = Object.freeze({ term: 0 as Term, index: 0 as LogIndex });

const nodeIdMax = 0xffff_ffff;

/** Brands a checked node id. Throws `RangeError` outside 1 to 2^32 - 1. */
export function nodeId(value: number): NodeId {
  if (!Number.isInteger(value) || value < 1 || value > nodeIdMax) {
    throw new RangeError(`node id must be an integer from 1 to ${nodeIdMax}, got ${value}`);
  }
  return value as NodeId;
}

/** Brands a checked term. Throws `RangeError` for anything but an integer from 0 to 2^53 - 1. */
export function term(value: number): Term {
  return checkedCounter("term", value) as Term;
}

/** Brands a checked index. Throws `RangeError` for anything but an integer from 0 to 2^53 - 1. */
export function logIndex(value: number): LogIndex {
  return checkedCounter("log index", value) as LogIndex;
}

function checkedCounter(what: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${what} must be an integer from 0 to 2^53 - 1, got ${value}`);
  }
  return value;
}

/** Orders positions as elections do (paper §5.4.1): the later term wins, then the longer log. */
export function compareLogIds(a: LogId, b: LogId): number {
  return a.term - b.term || a.index - b.index;
}
