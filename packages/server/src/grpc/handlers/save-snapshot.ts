import type { SnapshotLabel } from "@d-engine/core";
import { create, admin as proto, toBinary } from "@d-engine/proto";
import { type AdminNode, saveFreshSnapshot } from "../../admin/admin-node.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";

/** Makes a snapshot in this node's directory. */
export function saveSnapshot(node: LocalNode, admin: AdminNode): UnaryHandler {
  return async (bytes, { caller, signal, timeoutMs }) => {
    node.auth.checkRoot(caller, "make snapshots");
    const { eventual } = decodeRequest(proto.SaveSnapshotRequestSchema, bytes);
    const label = await saveFreshSnapshot(node, admin, { eventual, signal, timeoutMs });
    const response = create(proto.SaveSnapshotResponseSchema, { snapshot: wireInfo(label) });
    return { body: toBinary(proto.SaveSnapshotResponseSchema, response) };
  };
}

export function wireInfo({ lastIncluded, checksum, bytes }: SnapshotLabel): proto.SnapshotInfo {
  const { term, index } = lastIncluded;
  return create(proto.SnapshotInfoSchema, {
    lastIncluded: { term: BigInt(term), index: BigInt(index) },
    checksum,
    bytes: BigInt(bytes),
  });
}
