import { auth as proto, toBinary } from "@d-engine/proto";
import { describeUsers } from "../../auth/describe-users.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";

/** Lists users and roles, on any node. */
export function describeAuth(node: LocalNode): UnaryHandler {
  return async (bytes, { caller, signal, timeoutMs }) => {
    decodeRequest(proto.DescribeRequestSchema, bytes);
    const described = await describeUsers(node, { caller, signal, timeoutMs });
    return { body: toBinary(proto.DescribeResponseSchema, described) };
  };
}
