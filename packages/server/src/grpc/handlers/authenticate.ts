import { EngineError } from "@d-engine/core";
import { AUTH_NAME } from "@d-engine/kv";
import { create, auth as proto, toBinary } from "@d-engine/proto";
import { PASSWORD_BYTES_MAX, passwordMatches } from "../../auth/password.js";
import { signToken } from "../../auth/token.js";
import type { LocalNode } from "../../driver/local-node.js";
import type { CallContext, UnaryHandler } from "../call-context.js";
import { decodeRequest } from "../decode-request.js";
import type { Authentication } from "../service-context.js";

/**
 * Gives a token for a password. A node that finds neither right asks first whether it has missed a
 * change: it must not refuse a user that another node has just added. Whether the name or the
 * password was wrong is told neither by words nor by the time that the answer takes.
 */
export function authenticate(
  node: LocalNode,
  { attempts, tokens, tokenLifetimeMs }: Authentication,
): UnaryHandler {
  const epochOf = async (user: string, password: string): Promise<number | undefined> => {
    const known = node.auth.state.users.get(user);
    const stored = known?.password ?? noPassword;
    const hasOne = stored.length > 0;
    const isRight = await attempts.attempt(user, async () => {
      const matches = await passwordMatches(password, hasOne ? stored : unlikely);
      return matches && hasOne;
    });
    return isRight ? known?.epoch : undefined;
  };
  return async (bytes, context) => {
    const { user, password } = decodeRequest(proto.AuthenticateRequestSchema, bytes);
    const before = node.auth.state;
    if (!before.enabled) return answer("", 0);
    checkSizes(user, password);
    let epoch = await epochOf(user, password);
    if (epoch === undefined && (await hasMissed(before, node, context))) {
      epoch = await epochOf(user, password);
    }
    if (epoch === undefined) throw wrong();
    const identity = { user, epoch, local: false };
    return answer(signToken(node.auth.state, identity, tokenLifetimeMs, tokens), tokenLifetimeMs);
  };
}

async function hasMissed(
  before: LocalNode["auth"]["state"],
  node: LocalNode,
  { signal, timeoutMs }: CallContext,
): Promise<boolean> {
  await node.read([], { consistency: "linearizable", signal, timeoutMs });
  return node.auth.state !== before;
}

const noPassword = new Uint8Array(0);
/** Of the form of a hash: to look as long for a user that there is not. */
const unlikely = Uint8Array.of(1, 14, 8, 1, ...new Uint8Array(48));

function checkSizes(user: string, password: string): void {
  if (AUTH_NAME.test(user) && password.length <= PASSWORD_BYTES_MAX) return;
  throw new EngineError("INVALID_REQUEST", "give the name of a user, and its password");
}

function wrong(): EngineError {
  const message = "wrong user name or password";
  return new EngineError("UNAUTHENTICATED", message);
}

function answer(token: string, lifetimeMs: number): { readonly body: Uint8Array } {
  const schema = proto.AuthenticateResponseSchema;
  const response = create(schema, { token, lifetimeMs: BigInt(lifetimeMs) });
  return { body: toBinary(schema, response) };
}
