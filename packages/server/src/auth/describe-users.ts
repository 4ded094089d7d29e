import { authRights, stringToKey } from "@d-engine/codec";
import { type AuthState, ROOT_ROLE } from "@d-engine/kv";
import { create, type MessageInitShape, auth as proto } from "@d-engine/proto";
import { type Caller, identityOf } from "../driver/caller.js";
import type { LocalNode } from "../driver/local-node.js";
import type { AuthOptions } from "../driver/node-auth.js";

/** Users and roles, as of no earlier than the call. Nothing secret is among it. */
export async function describeUsers(
  node: LocalNode,
  { caller, signal, timeoutMs }: AuthOptions,
): Promise<proto.DescribeResponse> {
  await node.read([], { consistency: "linearizable", signal, timeoutMs });
  node.auth.checkUser(caller);
  const { state } = node.auth;
  return create(proto.DescribeResponseSchema, describe(state, only(state, caller)));
}

/** The user that sees nothing but itself; `undefined`: all is seen. */
function only(state: AuthState, caller: Caller | undefined): string | undefined {
  if (!state.enabled) return undefined;
  const { user, local } = identityOf(state, caller);
  return local || state.users.get(user)?.roles.includes(ROOT_ROLE) ? undefined : user;
}

function describe(
  state: AuthState,
  user: string | undefined,
): MessageInitShape<typeof proto.DescribeResponseSchema> {
  const users = [...state.users.values()].filter(({ name }) => user === undefined || name === user);
  const roles = [...state.roles.values()].filter(
    ({ name }) => user === undefined || users.some((one) => one.roles.includes(name)),
  );
  return {
    enabled: state.enabled,
    revision: BigInt(state.revision),
    users: users.sort(byName).map(({ name, password, roles: names, tokens }) => ({
      name,
      hasPassword: password.length > 0,
      roles: [...names],
      tokens: tokens.map(({ id }) => id),
    })),
    roles: roles.sort(byName).map(({ name, permissions }) => ({
      name,
      permissions: permissions.map(({ from, to, right }) => ({
        ...spanOf(from, to),
        right: authRights.indexOf(right),
      })),
    })),
  };
}

function spanOf(from: string, to: string): { key: Uint8Array; rangeEnd?: Uint8Array } {
  const key = stringToKey(from);
  if (to === `${from}\u0000`) return { key };
  return { key, rangeEnd: to === "\u0100" ? new Uint8Array(0) : stringToKey(to) };
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}
