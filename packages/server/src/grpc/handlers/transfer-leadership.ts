import { checkedId } from "@d-engine/client";
import { admin as proto } from "@d-engine/proto";
import type { AdminNode } from "../../admin/admin-node.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";

/** Hands leadership on; answers when the target leads. */
export function transferLeadership(node: LocalNode, admin: AdminNode): UnaryHandler {
  return async (bytes, { caller }) => {
    node.auth.checkRoot(caller, "hand leadership over");
    const { targetId } = decodeRequest(proto.TransferLeadershipRequestSchema, bytes);
    await admin.transferLeadership(checkedId(targetId));
    return { body: new Uint8Array(0) };
  };
}
