import type { AuthCommand, AuthRight } from "@d-engine/codec";
import { assertNever } from "@d-engine/core";
import { spanRange } from "../prefix-range.js";
import type { WriteRefusal } from "../write-outcome.js";
import {
  type AuthContents,
  type AuthPermission,
  type AuthRole,
  AuthState,
  type AuthToken,
  type AuthUser,
  ROOT_ROLE,
} from "./auth-state.js";
import { AUTH_BOUNDS, AUTH_NAME } from "./bounds.js";

/** The state after a change, or why there is none. */
export function changedAuth(auth: AuthState, command: AuthCommand): AuthState | WriteRefusal {
  const problem = problemOf(command);
  if (problem !== undefined) return refuse(problem);
  const next = changed(auth, command);
  if ("code" in next || !next.enabled || hasRoot(next)) return next;
  return refuse(
    "nobody who can authenticate would have the role root: add a user with a password or a token, " +
      "and grant it that role first",
  );
}

/** What is wrong with a change by itself, whatever it meets. */
export function problemOf(command: AuthCommand): string | undefined {
  const { change, user, role, token, secret } = command;
  const named = namesOf[change];
  const given = { user, role, token };
  for (const what of ["user", "role", "token"] as const) {
    if (named.includes(what) && !AUTH_NAME.test(given[what])) {
      return (
        `the name of a ${what} has 1 to ${AUTH_BOUNDS.nameCharsMax} letters, digits or any of ` +
        "._@- and begins with a letter or a digit"
      );
    }
  }
  if (secret.length > AUTH_BOUNDS.secretBytesMax) {
    return `a secret has ${secret.length} bytes, at most ${AUTH_BOUNDS.secretBytesMax}`;
  }
  if (change !== "grantPermission" && change !== "revokePermission") return undefined;
  const { from, to } = spanRange(command);
  return from < to && (from !== "" || command.rangeEnd !== undefined)
    ? undefined
    : "a permission is for a key, or for a range of keys that ends behind its beginning";
}

const namesOf: Readonly<Record<AuthCommand["change"], readonly ("user" | "role" | "token")[]>> = {
  enable: [],
  disable: [],
  addUser: ["user"],
  deleteUser: ["user"],
  setPassword: ["user"],
  grantRole: ["user", "role"],
  revokeRole: ["user", "role"],
  addRole: ["role"],
  deleteRole: ["role"],
  grantPermission: ["role"],
  revokePermission: ["role"],
  addToken: ["user", "token"],
  deleteToken: ["user", "token"],
};

type Changed = AuthState | WriteRefusal;

function changed(auth: AuthState, command: AuthCommand): Changed {
  switch (command.change) {
    case "enable":
      return next(auth, { enabled: true, tokenKey: command.secret.slice() });
    case "disable":
      return next(auth, { enabled: false });
    case "addUser":
      return addUser(auth, command);
    case "deleteUser":
      return onUser(auth, command, ({ name }) => next(auth, { users: without(auth.users, name) }));
    case "setPassword":
      return onUser(auth, command, (user) =>
        withUser(auth, { ...user, epoch: auth.revision + 1, password: command.secret.slice() }),
      );
    case "grantRole":
      return onUser(auth, command, (user) => grantRole(auth, user, command.role));
    case "revokeRole":
      return onUser(auth, command, (user) => revokeRole(auth, user, command.role));
    case "addRole":
      return addRole(auth, command.role);
    case "deleteRole":
      return onRole(auth, command, ({ name }) => deleteRole(auth, name));
    case "grantPermission":
      return onRole(auth, command, (role) => grantPermission(auth, role, command));
    case "revokePermission":
      return onRole(auth, command, (role) => revokePermission(auth, role, command));
    case "addToken":
      return onUser(auth, command, (user) => addToken(auth, user, command));
    case "deleteToken":
      return onUser(auth, command, (user) => deleteToken(auth, user, command.token));
    default:
      return assertNever(command.change);
  }
}

function addUser(auth: AuthState, { user: name, secret }: AuthCommand): Changed {
  if (auth.users.has(name)) return refuse(`there is a user "${name}" already`);
  if (auth.users.size >= AUTH_BOUNDS.usersMax) {
    return refuse(`there are ${auth.users.size} users, and there can be no more`);
  }
  const epoch = auth.revision + 1;
  return withUser(auth, { name, epoch, password: secret.slice(), roles: [], tokens: [] });
}

function grantRole(auth: AuthState, user: AuthUser, role: string): Changed {
  if (role !== ROOT_ROLE && !auth.roles.has(role)) return refuse(`there is no role "${role}"`);
  if (user.roles.includes(role)) return refuse(`user "${user.name}" has role "${role}" already`);
  if (user.roles.length >= AUTH_BOUNDS.rolesOfUserMax) {
    return refuse(`user "${user.name}" has ${user.roles.length} roles, and can have no more`);
  }
  return withUser(auth, { ...user, roles: [...user.roles, role].sort() });
}

function revokeRole(auth: AuthState, user: AuthUser, role: string): Changed {
  if (!user.roles.includes(role)) return refuse(`user "${user.name}" has no role "${role}"`);
  return withUser(auth, { ...user, roles: user.roles.filter((one) => one !== role) });
}

function addRole(auth: AuthState, name: string): Changed {
  if (name === ROOT_ROLE || auth.roles.has(name))
    return refuse(`there is a role "${name}" already`);
  if (auth.roles.size >= AUTH_BOUNDS.rolesMax) {
    return refuse(`there are ${auth.roles.size} roles, and there can be no more`);
  }
  return withRole(auth, { name, permissions: [] });
}

/** Users lose it with the role: one that is made anew under the name must be granted anew. */
function deleteRole(auth: AuthState, name: string): Changed {
  const users = [...auth.users].map(([userName, user]) => {
    const roles = user.roles.filter((role) => role !== name);
    return [userName, roles.length === user.roles.length ? user : { ...user, roles }] as const;
  });
  return next(auth, { users: new Map(users), roles: without(auth.roles, name) });
}

function grantPermission(auth: AuthState, role: AuthRole, command: AuthCommand): Changed {
  const others = otherPermissions(role, command);
  if (others.length >= AUTH_BOUNDS.permissionsOfRoleMax) {
    return refuse(`role "${role.name}" has ${others.length} permissions, and can have no more`);
  }
  const granted = permission(command, command.right);
  const permissions = [...others, granted].sort(comparePermissions);
  return withRole(auth, { ...role, permissions });
}

function revokePermission(auth: AuthState, role: AuthRole, command: AuthCommand): Changed {
  const permissions = otherPermissions(role, command);
  if (permissions.length === role.permissions.length) {
    return refuse(`role "${role.name}" has no permission for just these keys`);
  }
  return withRole(auth, { ...role, permissions });
}

function addToken(auth: AuthState, user: AuthUser, { token: id, secret }: AuthCommand): Changed {
  if (user.tokens.some((one) => one.id === id)) {
    return refuse(`user "${user.name}" has a token "${id}" already`);
  }
  if (user.tokens.length >= AUTH_BOUNDS.tokensOfUserMax) {
    return refuse(`user "${user.name}" has ${user.tokens.length} tokens, and can have no more`);
  }
  const tokens = [...user.tokens, { id, hash: secret.slice() }].sort(compareTokens);
  return withUser(auth, { ...user, tokens });
}

function deleteToken(auth: AuthState, user: AuthUser, id: string): Changed {
  const tokens = user.tokens.filter((one) => one.id !== id);
  if (tokens.length === user.tokens.length) {
    return refuse(`user "${user.name}" has no token "${id}"`);
  }
  // What was written on behalf of it can not be told from what was by others of the user.
  return withUser(auth, { ...user, tokens });
}

function onUser(
  auth: AuthState,
  { user: name }: AuthCommand,
  change: (user: AuthUser) => Changed,
): Changed {
  const user = auth.users.get(name);
  return user === undefined ? refuse(`there is no user "${name}"`) : change(user);
}

function onRole(
  auth: AuthState,
  { role: name }: AuthCommand,
  change: (role: AuthRole) => Changed,
): Changed {
  if (name === ROOT_ROLE) return refuse("the role root may do everything, and cannot be changed");
  const role = auth.roles.get(name);
  return role === undefined ? refuse(`there is no role "${name}"`) : change(role);
}

function withUser(auth: AuthState, user: AuthUser): AuthState {
  return next(auth, { users: new Map(auth.users).set(user.name, user) });
}

function withRole(auth: AuthState, role: AuthRole): AuthState {
  return next(auth, { roles: new Map(auth.roles).set(role.name, role) });
}

function next(auth: AuthState, parts: Partial<AuthContents>): AuthState {
  const { enabled, tokenKey, users, roles } = auth;
  return new AuthState({
    enabled,
    tokenKey,
    users,
    roles,
    ...parts,
    revision: auth.revision + 1,
  });
}

function without<V>(map: ReadonlyMap<string, V>, key: string): Map<string, V> {
  const rest = new Map(map);
  rest.delete(key);
  return rest;
}

/** Whether anybody could undo it. */
function hasRoot({ users }: AuthState): boolean {
  for (const { roles, password, tokens } of users.values()) {
    if (roles.includes(ROOT_ROLE) && (password.length > 0 || tokens.length > 0)) return true;
  }
  return false;
}

function permission(command: AuthCommand, right: AuthRight): AuthPermission {
  return { ...spanRange(command), right };
}

function otherPermissions(role: AuthRole, command: AuthCommand): AuthPermission[] {
  const { from, to } = spanRange(command);
  return role.permissions.filter((one) => one.from !== from || one.to !== to);
}

function comparePermissions(a: AuthPermission, b: AuthPermission): number {
  if (a.from !== b.from) return a.from < b.from ? -1 : 1;
  return a.to < b.to ? -1 : a.to > b.to ? 1 : 0;
}

function compareTokens(a: AuthToken, b: AuthToken): number {
  return a.id < b.id ? -1 : 1;
}

function refuse(message: string): WriteRefusal {
  return { code: "INVALID_REQUEST", message };
}
