import { create, auth as proto, toBinary } from "@d-engine/proto";
import { changeUsers } from "../../auth/change-users.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";
import type { Authentication } from "../service-context.js";

/** Changes users and roles, on the leader. */
export function changeAuth(node: LocalNode, { attempts }: Authentication): UnaryHandler {
  return async (bytes, { caller, signal, timeoutMs }) => {
    const request = decodeRequest(proto.ChangeRequestSchema, bytes);
    const options = { caller, signal, timeoutMs };
    const { revision, token } = await changeUsers(node, attempts, request, options);
    const schema = proto.ChangeResponseSchema;
    return { body: toBinary(schema, create(schema, { revision: BigInt(revision), token })) };
  };
}
