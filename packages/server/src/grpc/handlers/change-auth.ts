import { randomBytes } from "node:crypto";
import { type AuthCommand, authChangeKinds, authRights, keyToString } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { create, auth as proto, toBinary } from "@d-engine/proto";
import { hashPassword } from "../../auth/password.js";
import { newLastingToken } from "../../auth/token.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";
import type { Authentication } from "../service-context.js";

/** Changes users and roles. What is secret is made here, and reaches the log as a hash. */
export function changeAuth(node: LocalNode, { attempts }: Authentication): UnaryHandler {
  return async (bytes, { caller, signal, timeoutMs }) => {
    // Before the work that a password is.
    node.auth.checkUser(caller);
    const request = decodeRequest(proto.ChangeRequestSchema, bytes);
    const command = commandOf(request.change);
    const made = await secretOf(command, request.password, attempts);
    const changed = { ...command, secret: made.secret };
    const { revision } = await node.auth.change(changed, { caller, signal, timeoutMs });
    const response = { revision: BigInt(revision), token: made.token };
    const schema = proto.ChangeResponseSchema;
    return { body: toBinary(schema, create(schema, response)) };
  };
}

function commandOf(change: proto.ChangeRequest["change"]): AuthCommand {
  const kind = authChangeKinds[change?.kind ?? 0];
  const right = authRights[change?.right ?? 0];
  if (change === undefined || kind === undefined || right === undefined) {
    const message = "the request holds no change that this version knows";
    throw new EngineError("INVALID_REQUEST", message);
  }
  return {
    kind: "auth",
    change: kind,
    user: keyToString(change.user),
    role: keyToString(change.role),
    token: keyToString(change.token),
    key: change.key,
    rangeEnd: change.rangeEnd,
    right,
    secret: nothing,
  };
}

async function secretOf(
  { change, user, token: id }: AuthCommand,
  password: string,
  attempts: Authentication["attempts"],
): Promise<{ readonly secret: Uint8Array; readonly token: string }> {
  switch (change) {
    case "enable":
      return { secret: randomBytes(32), token: "" };
    case "addUser":
    case "setPassword": {
      if (password === "" && change === "addUser") return { secret: nothing, token: "" };
      return { secret: await attempts.inTurn(() => hashPassword(password)), token: "" };
    }
    case "addToken": {
      const { token, hash } = newLastingToken(user, id);
      return { secret: hash, token };
    }
    default:
      return { secret: nothing, token: "" };
  }
}

const nothing = new Uint8Array(0);
