import { randomBytes } from "node:crypto";
import { type AuthCommand, authChangeKinds, authRights, keyToString } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { auth as proto } from "@d-engine/proto";
import type { LocalNode } from "../driver/local-node.js";
import type { AuthOptions } from "../driver/node-auth.js";
import type { Attempts } from "./attempts.js";
import { hashPassword } from "./password.js";
import { newLastingToken } from "./token.js";

/** What a change came to. */
export interface UsersChanged {
  /** Of the newest change that is applied here. */
  readonly revision: number;
  /** Of a change that makes one; empty otherwise. */
  readonly token: string;
}

/** Changes users and roles. What is secret is made here, and reaches the log as a hash. */
export async function changeUsers(
  node: LocalNode,
  attempts: Attempts,
  request: proto.ChangeRequest,
  options: AuthOptions,
): Promise<UsersChanged> {
  // Before the work that a password is.
  node.auth.checkUser(options.caller);
  const command = commandOf(request.change);
  const { secret, token } = await secretOf(command, request.password, attempts);
  const { revision } = await node.auth.change({ ...command, secret }, options);
  return { revision, token };
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
  attempts: Attempts,
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
