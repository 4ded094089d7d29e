import type { LogIndex, NodeId, Term } from "./ids.js";

/**
 * One entry of the replicated log. Immutable from its creation on; the bytes of a command belong
 * to the log and must not be written to by anyone who is shown the entry.
 */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly payload: Payload;
}

/** What an entry carries. A noop opens every leadership (paper §8). */
export type Payload = NoopPayload | CommandPayload | ConfigPayload;

export interface NoopPayload {
  readonly kind: "noop";
}

export interface CommandPayload {
  readonly kind: "command";
  /** Opaque to Raft; `d_engine.client.WriteCommand` in the key-value engine. */
  readonly command: Uint8Array;
}

export interface ConfigPayload {
  readonly kind: "config";
  readonly change: MembershipChange;
}

/** Whether a member votes, may become a voter, or never will (rule R12: voter ⇔ `active`). */
export type NodeStatus = "promotable" | "readOnly" | "active";

/** A change of the cluster's membership, as `d_engine.common.MembershipChange` has it. */
export type MembershipChange =
  | {
      readonly kind: "addNode";
      readonly nodeId: NodeId;
      readonly address: string;
      readonly status: NodeStatus | "unspecified";
    }
  | { readonly kind: "removeNode"; readonly nodeId: NodeId }
  | {
      readonly kind: "promoteLearner";
      readonly nodeId: NodeId;
      readonly status: NodeStatus | "unspecified";
    }
  | {
      readonly kind: "batchPromote";
      readonly nodeIds: readonly NodeId[];
      readonly status: NodeStatus | "unspecified";
    }
  | { readonly kind: "batchRemove"; readonly nodeIds: readonly NodeId[] }
  /** Leaves a joint configuration; on the wire a change with exactly zero bytes (rule R12). */
  | { readonly kind: "leaveJoint" };

export const NOOP: NoopPayload = Object.freeze({ kind: "noop" });

/**
 * Bytes by which an entry counts against windows, caches and append requests: its command plus
 * a fixed allowance for the frame around it. Not the exact size of any encoding.
 */
export function entryBytes(entry: Entry): number {
  const payload = entry.payload;
  if (payload.kind === "command") return payload.command.length + entryFrameBytes;
  if (payload.kind === "noop") return entryFrameBytes;
  return entryFrameBytes + configAllowanceBytes;
}

const entryFrameBytes = 32;
const configAllowanceBytes = 256;
