import type { MembershipChange, NodeId, NodeStatus } from "@d-engine/core";
import { assertNever } from "@d-engine/core";
import { CodecError, UnknownChangeError } from "./codec-error.js";
import { nodeStatusOf } from "./node-status.js";
import type { Reader } from "./reader.js";
import { bytesToUtf8 } from "./utf8.js";
import { LENGTH_DELIMITED, VARINT } from "./wire-type.js";

/**
 * A change while it is read. Protobuf merges a message that occurs twice, so nothing can be judged
 * before the whole entry was read: an id of zero may yet be overwritten, and a member with an
 * unknown field be replaced by another member of the oneof.
 */
export interface ChangeDraft {
  readonly kind: "configDraft";
  member: MemberDraft | undefined;
  /** A field number; 0 when all were known. */
  unknownField: number;
}

interface MemberDraft {
  readonly kind: MemberKind;
  nodeId: number;
  readonly nodeIds: number[];
  address: string;
  status: number;
  unknownField: number;
}

type MemberKind = Exclude<MembershipChange["kind"], "leaveJoint">;

/** By the field numbers of `MembershipChange.change`, which begin at 1. */
const memberKinds: readonly MemberKind[] = [
  "addNode",
  "removeNode",
  "promoteLearner",
  "batchPromote",
  "batchRemove",
];

const messageNames: Readonly<Record<MemberKind, string>> = {
  addNode: "AddNode",
  removeNode: "RemoveNode",
  promoteLearner: "PromoteLearner",
  batchPromote: "BatchPromote",
  batchRemove: "BatchRemove",
};

const messageName = "MembershipChange";

export function newChangeDraft(): ChangeDraft {
  return { kind: "configDraft", member: undefined, unknownField: 0 };
}

/** Reads one occurrence, up to the reader's limit, into `draft`. */
export function readMembershipChange(reader: Reader, draft: ChangeDraft): void {
  while (reader.hasMore()) {
    const tag = reader.tag(messageName);
    const number = tag >>> 3;
    const kind = memberKinds[number - 1];
    if (kind === undefined || (tag & 7) !== LENGTH_DELIMITED) {
      reader.skipUnknown(messageName, tag, kind !== undefined);
      draft.unknownField = number;
      continue;
    }
    if (draft.member?.kind !== kind) draft.member = newMemberDraft(kind);
    const outer = reader.enter(messageNames[kind]);
    readMember(reader, draft.member);
    reader.leave(outer);
  }
}

/**
 * What the draft stands for. Throws `UnknownChangeError` when it holds fields or a status of a
 * newer version, and `CodecError` for node id 0.
 */
export function finishMembershipChange(draft: ChangeDraft): MembershipChange {
  if (draft.unknownField !== 0) throw new UnknownChangeError(messageName, draft.unknownField);
  const member = draft.member;
  if (member === undefined) return { kind: "leaveJoint" };
  const name = messageNames[member.kind];
  if (member.unknownField !== 0) throw new UnknownChangeError(name, member.unknownField);
  switch (member.kind) {
    case "addNode": {
      const nodeId = checkedNodeId(member.nodeId, name);
      return { kind: member.kind, nodeId, address: member.address, status: statusOf(member, 3) };
    }
    case "removeNode":
      return { kind: member.kind, nodeId: checkedNodeId(member.nodeId, name) };
    case "promoteLearner": {
      const nodeId = checkedNodeId(member.nodeId, name);
      return { kind: member.kind, nodeId, status: statusOf(member, 2) };
    }
    case "batchPromote":
      return { kind: member.kind, nodeIds: nodeIdsOf(member, name), status: statusOf(member, 2) };
    case "batchRemove":
      return { kind: member.kind, nodeIds: nodeIdsOf(member, name) };
    default:
      return assertNever(member.kind);
  }
}

function newMemberDraft(kind: MemberKind): MemberDraft {
  return { kind, nodeId: 0, nodeIds: [], address: "", status: 0, unknownField: 0 };
}

function readMember(reader: Reader, member: MemberDraft): void {
  const name = messageNames[member.kind];
  const isBatch = member.kind === "batchPromote" || member.kind === "batchRemove";
  while (reader.hasMore()) {
    const tag = reader.tag(name);
    const number = tag >>> 3;
    const wireType = tag & 7;
    if (number === 1 && isBatch && (wireType === LENGTH_DELIMITED || wireType === VARINT)) {
      readNodeIds(reader, member.nodeIds, wireType, name);
    } else if (number === 1 && !isBatch && wireType === VARINT) {
      member.nodeId = reader.uint32(`${name}.node_id`);
    } else if (number === 2 && member.kind === "addNode" && wireType === LENGTH_DELIMITED) {
      member.address = bytesToUtf8(reader.byteField("AddNode.address"), "AddNode.address");
    } else if (number === statusFields[member.kind] && wireType === VARINT) {
      member.status = reader.uint32(`${name}.status`);
    } else {
      reader.skipUnknown(name, tag, number <= knownFields[member.kind]);
      member.unknownField = number;
    }
  }
}

/** The number of the status field; 0 where there is none. */
const statusFields: Readonly<Record<MemberKind, number>> = {
  addNode: 3,
  removeNode: 0,
  promoteLearner: 2,
  batchPromote: 2,
  batchRemove: 0,
};

/** The highest field number; they are contiguous from 1. */
const knownFields: Readonly<Record<MemberKind, number>> = {
  addNode: 3,
  removeNode: 1,
  promoteLearner: 2,
  batchPromote: 2,
  batchRemove: 1,
};

/** Packed, as it is written, or one element at a time, as old writers did; both append. */
function readNodeIds(reader: Reader, into: number[], wireType: number, name: string): void {
  const field = `${name}.node_ids`;
  if (wireType === VARINT) {
    into.push(reader.uint32(field));
    return;
  }
  const outer = reader.enter(field);
  while (reader.hasMore()) into.push(reader.uint32(field));
  reader.leave(outer);
}

function checkedNodeId(id: number, name: string): NodeId {
  if (id === 0) throw new CodecError(name, "node id 0; ids begin at 1");
  return id as NodeId;
}

function nodeIdsOf(member: MemberDraft, name: string): readonly NodeId[] {
  return member.nodeIds.map((id) => checkedNodeId(id, name));
}

function statusOf(member: MemberDraft, field: number): NodeStatus | "unspecified" {
  const status = nodeStatusOf(member.status);
  // A status decides who votes: one that we cannot read is as bad as a field we cannot read.
  if (status === undefined) throw new UnknownChangeError(messageNames[member.kind], field);
  return status;
}
