import type { MembershipChange, NodeId, NodeStatus } from "@d-engine/core";
import { assertNever } from "@d-engine/core";
import { CodecError } from "./codec-error.js";
import { nodeStatusNumber } from "./node-status.js";
import { utf8Size, writeUtf8 } from "./utf8.js";
import { delimitedSize, uintFieldSize, varintSize } from "./wire-type.js";
import { checkNodeId, type Writer } from "./writer.js";

/**
 * `d_engine.common.MembershipChange`. Leaving a joint configuration is the change with none set,
 * which is exactly zero bytes (rule R12). Throws `CodecError` for a node id outside 1 to 2^32 - 1,
 * an address with a lone surrogate, or an unknown status.
 */

export function membershipChangeSize(change: MembershipChange): number {
  return change.kind === "leaveJoint" ? 0 : delimitedSize(memberSize(change));
}

/** Writes exactly `membershipChangeSize(change)` bytes, for which there is room. */
export function writeMembershipChange(writer: Writer, change: MembershipChange): void {
  if (change.kind === "leaveJoint") return;
  writer.byte(changeTags[change.kind]);
  writer.varint(memberSize(change));
  switch (change.kind) {
    case "addNode":
      writer.nodeIdField(nodeIdTag, change.nodeId, "AddNode.node_id");
      writeAddress(writer, change.address);
      writeStatus(writer, 0x18, change.status, "AddNode.status");
      return;
    case "removeNode":
      writer.nodeIdField(nodeIdTag, change.nodeId, "RemoveNode.node_id");
      return;
    case "promoteLearner":
      writer.nodeIdField(nodeIdTag, change.nodeId, "PromoteLearner.node_id");
      writeStatus(writer, 0x10, change.status, "PromoteLearner.status");
      return;
    case "batchPromote":
      writeNodeIds(writer, change.nodeIds, "BatchPromote.node_ids");
      writeStatus(writer, 0x10, change.status, "BatchPromote.new_status");
      return;
    case "batchRemove":
      writeNodeIds(writer, change.nodeIds, "BatchRemove.node_ids");
      return;
    default:
      assertNever(change);
  }
}

type SetChange = Exclude<MembershipChange, { readonly kind: "leaveJoint" }>;

const changeTags: Readonly<Record<SetChange["kind"], number>> = {
  addNode: 0x0a,
  removeNode: 0x12,
  promoteLearner: 0x1a,
  batchPromote: 0x22,
  batchRemove: 0x2a,
};

const nodeIdTag = 0x08;
const addressTag = 0x12;
const nodeIdsTag = 0x0a;

function memberSize(change: SetChange): number {
  switch (change.kind) {
    case "addNode":
      return uintFieldSize(change.nodeId) + addressSize(change.address) + statusSize(change.status);
    case "removeNode":
      return uintFieldSize(change.nodeId);
    case "promoteLearner":
      return uintFieldSize(change.nodeId) + statusSize(change.status);
    case "batchPromote":
      return nodeIdsSize(change.nodeIds) + statusSize(change.status);
    case "batchRemove":
      return nodeIdsSize(change.nodeIds);
    default:
      return assertNever(change);
  }
}

function addressSize(address: string): number {
  return address === "" ? 0 : delimitedSize(utf8Size(address, "AddNode.address"));
}

function writeAddress(writer: Writer, address: string): void {
  if (address === "") return;
  writer.byte(addressTag);
  writer.varint(utf8Size(address, "AddNode.address"));
  writer.position = writeUtf8(writer.bytes, writer.position, address);
}

function statusSize(status: NodeStatus | "unspecified"): number {
  return status === "unspecified" ? 0 : 2;
}

function writeStatus(
  writer: Writer,
  tag: number,
  status: NodeStatus | "unspecified",
  field: string,
): void {
  const number = nodeStatusNumber(status);
  if (number < 0) throw new CodecError(field, `unknown status ${JSON.stringify(status)}`);
  if (number === 0) return;
  writer.byte(tag);
  writer.byte(number);
}

/** Packed; an empty list is left out. */
function nodeIdsSize(ids: readonly NodeId[]): number {
  return ids.length === 0 ? 0 : delimitedSize(packedSize(ids));
}

function packedSize(ids: readonly NodeId[]): number {
  let size = 0;
  for (const id of ids) size += varintSize(id);
  return size;
}

function writeNodeIds(writer: Writer, ids: readonly NodeId[], field: string): void {
  if (ids.length === 0) return;
  writer.byte(nodeIdsTag);
  writer.varint(packedSize(ids));
  for (const id of ids) {
    checkNodeId(id, field);
    writer.varint(id);
  }
}
