import { type EngineErrorCode, type LeaderHint, nodeId } from "@d-engine/core";
import { session, error as wire } from "@d-engine/proto";

/**
 * How errors stand on the wire of the contract's services. One table for both sides.
 *
 * | Code | `ClientResponse.error` | gRPC status, where there is no `ClientResponse` |
 * |---|---|---|
 * | NOT_LEADER | 4001, `metadata.leader_*`, trailer `x-raft-leader` | FAILED_PRECONDITION, same trailer |
 * | LEADER_CHANGED | 1003 | ABORTED |
 * | CLUSTER_UNAVAILABLE | 4005 | UNAVAILABLE |
 * | RATE_LIMITED | 4004, `metadata.retry_after_ms` | RESOURCE_EXHAUSTED |
 * | INVALID_REQUEST | 4003 | INVALID_ARGUMENT |
 * | DISK_FULL | 3001 | RESOURCE_EXHAUSTED |
 * | DATA_CORRUPTION | 3002 | DATA_LOSS |
 * | STORAGE_IO_ERROR | 3003 | INTERNAL |
 * | STORAGE_PERMISSION_DENIED | 3004 | PERMISSION_DENIED |
 * | VERSION_MISMATCH | 2002 | FAILED_PRECONDITION |
 * | INVALID_RESPONSE | 2001 | INTERNAL |
 * | CONNECTION_TIMEOUT | 1001 | UNAVAILABLE |
 * | INVALID_ADDRESS | 1002 | INVALID_ARGUMENT |
 * | PROPOSE_FAILED | 4006 | ABORTED |
 * | CLOSED | 4005: to a client, one node is gone | UNAVAILABLE |
 * | DATA_DIR_LOCKED | 8888; never leaves a process that runs | FAILED_PRECONDITION |
 * | OUTCOME_UNKNOWN | – | DEADLINE_EXCEEDED: the one status defined to leave the outcome open |
 * | UNIMPLEMENTED | – | UNIMPLEMENTED |
 * | CHANGE_IN_PROGRESS | – | ABORTED |
 * | VERSION_CONFLICT | – | ABORTED |
 * | LEARNER_NOT_READY | – | FAILED_PRECONDITION |
 * | QUORUM_AT_RISK | – | FAILED_PRECONDITION |
 * | NODE_REMOVED | – | FAILED_PRECONDITION |
 * | COMPACTED | – | FAILED_PRECONDITION |
 * | LEASE_NOT_FOUND | – | FAILED_PRECONDITION |
 * | LEASE_EXISTS | – | FAILED_PRECONDITION |
 * | SESSION_EXPIRED | – | FAILED_PRECONDITION |
 * | UNAUTHENTICATED | – | UNAUTHENTICATED |
 * | PERMISSION_DENIED | – | PERMISSION_DENIED |
 * | WATCH_BUFFER_OVERFLOW | 5001 | RESOURCE_EXHAUSTED |
 * | LOCK_LOST, WAIT_TIMEOUT | –; of the recipes, which run in clients: never sent | FAILED_PRECONDITION |
 *
 * A code without a number (codes of our own begin at 10000 and stay out of these messages, rule R20)
 * always travels as a status here, with its number of sessions in the trailer `x-d-engine-code`. So
 * does every write error of unknown outcome whose number would tell that nothing happened.
 */
export const WIRE_ERRORS = {
  NOT_LEADER: { number: wire.ErrorCode.NOT_LEADER, status: "FAILED_PRECONDITION" },
  LEADER_CHANGED: { number: wire.ErrorCode.LEADER_CHANGED, status: "ABORTED" },
  CLUSTER_UNAVAILABLE: { number: wire.ErrorCode.CLUSTER_UNAVAILABLE, status: "UNAVAILABLE" },
  RATE_LIMITED: { number: wire.ErrorCode.RATE_LIMITED, status: "RESOURCE_EXHAUSTED" },
  INVALID_REQUEST: { number: wire.ErrorCode.INVALID_REQUEST, status: "INVALID_ARGUMENT" },
  DISK_FULL: { number: wire.ErrorCode.DISK_FULL, status: "RESOURCE_EXHAUSTED" },
  DATA_CORRUPTION: { number: wire.ErrorCode.DATA_CORRUPTION, status: "DATA_LOSS" },
  STORAGE_IO_ERROR: { number: wire.ErrorCode.STORAGE_IO_ERROR, status: "INTERNAL" },
  STORAGE_PERMISSION_DENIED: {
    number: wire.ErrorCode.STORAGE_PERMISSION_DENIED,
    status: "PERMISSION_DENIED",
  },
  VERSION_MISMATCH: { number: wire.ErrorCode.VERSION_MISMATCH, status: "FAILED_PRECONDITION" },
  INVALID_RESPONSE: { number: wire.ErrorCode.INVALID_RESPONSE, status: "INTERNAL" },
  CONNECTION_TIMEOUT: { number: wire.ErrorCode.CONNECTION_TIMEOUT, status: "UNAVAILABLE" },
  INVALID_ADDRESS: { number: wire.ErrorCode.INVALID_ADDRESS, status: "INVALID_ARGUMENT" },
  PROPOSE_FAILED: { number: wire.ErrorCode.PROPOSE_FAILED, status: "ABORTED" },
  CLOSED: { number: wire.ErrorCode.CLUSTER_UNAVAILABLE, status: "UNAVAILABLE" },
  DATA_DIR_LOCKED: { number: wire.ErrorCode.GENERAL, status: "FAILED_PRECONDITION" },
  OUTCOME_UNKNOWN: { number: undefined, status: "DEADLINE_EXCEEDED" },
  UNIMPLEMENTED: { number: undefined, status: "UNIMPLEMENTED" },
  CHANGE_IN_PROGRESS: { number: undefined, status: "ABORTED" },
  VERSION_CONFLICT: { number: undefined, status: "ABORTED" },
  LEARNER_NOT_READY: { number: undefined, status: "FAILED_PRECONDITION" },
  QUORUM_AT_RISK: { number: undefined, status: "FAILED_PRECONDITION" },
  NODE_REMOVED: { number: undefined, status: "FAILED_PRECONDITION" },
  COMPACTED: { number: undefined, status: "FAILED_PRECONDITION" },
  LEASE_NOT_FOUND: { number: undefined, status: "FAILED_PRECONDITION" },
  LEASE_EXISTS: { number: undefined, status: "FAILED_PRECONDITION" },
  SESSION_EXPIRED: { number: undefined, status: "FAILED_PRECONDITION" },
  UNAUTHENTICATED: { number: undefined, status: "UNAUTHENTICATED" },
  PERMISSION_DENIED: { number: undefined, status: "PERMISSION_DENIED" },
  WATCH_BUFFER_OVERFLOW: {
    number: wire.ErrorCode.WATCH_BUFFER_OVERFLOW,
    status: "RESOURCE_EXHAUSTED",
  },
  LOCK_LOST: { number: undefined, status: "FAILED_PRECONDITION" },
  WAIT_TIMEOUT: { number: undefined, status: "FAILED_PRECONDITION" },
} as const satisfies Record<EngineErrorCode, WireForm>;

interface WireForm {
  readonly number: wire.ErrorCode | undefined;
  readonly status: WireStatus;
}

/** Names of the gRPC statuses in use. */
export type WireStatus =
  | "ABORTED"
  | "DATA_LOSS"
  | "DEADLINE_EXCEEDED"
  | "FAILED_PRECONDITION"
  | "INTERNAL"
  | "INVALID_ARGUMENT"
  | "PERMISSION_DENIED"
  | "RESOURCE_EXHAUSTED"
  | "UNAUTHENTICATED"
  | "UNAVAILABLE"
  | "UNIMPLEMENTED";

/** Trailer with the leader of whoever refused for not leading: `formatLeaderTrailer`. */
export const LEADER_TRAILER = "x-raft-leader";
/** Trailer with the number of the error behind a status, as sessions have it, decimal. */
export const CODE_TRAILER = "x-d-engine-code";
/** Trailer of a `RATE_LIMITED` status: milliseconds, decimal. */
export const RETRY_AFTER_TRAILER = "x-d-engine-retry-after-ms";

const codeOfNumber: ReadonlyMap<number, EngineErrorCode> = new Map(
  Object.entries(WIRE_ERRORS)
    // The number of these two means something else, or nothing, to a reader.
    .filter(([code]) => code !== "CLOSED" && code !== "DATA_DIR_LOCKED")
    .flatMap(([code, form]) =>
      form.number === undefined ? [] : [[form.number, code as EngineErrorCode] as const],
    ),
);

/** The code that a number stands for; `undefined` for one that this version does not send. */
export function engineCodeOfNumber(number: number): EngineErrorCode | undefined {
  return codeOfNumber.get(number);
}

/** What the contract has no number for has one of our own on the session service (rule R20). */
const SESSION_NUMBERS: ReadonlyMap<EngineErrorCode, number> = new Map([
  ["OUTCOME_UNKNOWN", session.SessionErrorCode.OUTCOME_UNKNOWN],
  ["UNIMPLEMENTED", session.SessionErrorCode.UNIMPLEMENTED],
  ["CHANGE_IN_PROGRESS", session.SessionErrorCode.CHANGE_IN_PROGRESS],
  ["VERSION_CONFLICT", session.SessionErrorCode.VERSION_CONFLICT],
  ["LEARNER_NOT_READY", session.SessionErrorCode.LEARNER_NOT_READY],
  ["QUORUM_AT_RISK", session.SessionErrorCode.QUORUM_AT_RISK],
  ["NODE_REMOVED", session.SessionErrorCode.NODE_REMOVED],
  ["SESSION_EXPIRED", session.SessionErrorCode.SESSION_EXPIRED],
  ["LEASE_EXISTS", session.SessionErrorCode.LEASE_EXISTS],
  ["LEASE_NOT_FOUND", session.SessionErrorCode.LEASE_NOT_FOUND],
  ["UNAUTHENTICATED", session.SessionErrorCode.UNAUTHENTICATED],
  ["PERMISSION_DENIED", session.SessionErrorCode.PERMISSION_DENIED],
  ["COMPACTED", session.SessionErrorCode.COMPACTED],
]);

/** The number under which a code travels in a session; its outcome is that of the code. */
export function sessionNumberOf(code: EngineErrorCode): number {
  return WIRE_ERRORS[code].number ?? SESSION_NUMBERS.get(code) ?? wire.ErrorCode.UNCATEGORIZED;
}

/** The code that a number of a session stands for; `undefined` for one of another version. */
export function engineCodeOfSessionNumber(number: number): EngineErrorCode | undefined {
  const known = codeOfNumber.get(number);
  if (known !== undefined) return known;
  for (const [code, own] of SESSION_NUMBERS) if (own === number) return code;
  return undefined;
}

/** The form that existing clients read: `{"leader_id":1,"address":"127.0.0.1:9081"}`. */
export function formatLeaderTrailer(leader: LeaderHint): string {
  return JSON.stringify({ leader_id: leader.leaderId, address: leader.address });
}

/** Reads `formatLeaderTrailer`; `undefined` for anything that is not a usable hint. */
export function parseLeaderTrailer(text: string): LeaderHint | undefined {
  try {
    const { leader_id: id, address } = JSON.parse(text) as Record<string, unknown>;
    return typeof address === "string" ? leaderHintOf(id, address) : undefined;
  } catch {
    // A hint is a convenience: without it the client asks another node.
    return undefined;
  }
}

/** The leader named by `ErrorMetadata`, or `undefined` when it names none. */
export function leaderOfMetadata(metadata: wire.ErrorMetadata | undefined): LeaderHint | undefined {
  return leaderHintOf(Number(metadata?.leaderId), metadata?.leaderAddress ?? "");
}

/** A hint of these, or `undefined` when `id` is no node's. */
export function leaderHintOf(id: unknown, address: string): LeaderHint | undefined {
  if (typeof id !== "number" || !Number.isInteger(id) || id < 1 || id > 0xffff_ffff) {
    return undefined;
  }
  return { leaderId: nodeId(id), address };
}
