import { authRights, keyToString, newerVersion, Reader, refuseUnknownField } from "@d-engine/codec";
import { EngineError, type SnapshotRecord } from "@d-engine/core";
import { spanRange } from "../prefix-range.js";
import { AUTH_NAMESPACE } from "./auth-snapshot.js";
import {
  type AuthPermission,
  type AuthRole,
  AuthState,
  type AuthToken,
  type AuthUser,
  ROOT_ROLE,
} from "./auth-state.js";
import { AUTH_BOUNDS, AUTH_NAME } from "./bounds.js";

/** What one record of a snapshot says about who may do what. */
export type AuthPart =
  | { readonly kind: "authState"; readonly revision: number; readonly enabled: boolean }
  | { readonly kind: "user"; readonly name: string }
  | { readonly kind: "role"; readonly name: string };

/** Reads the records of `AUTH_NAMESPACE` in their order, and lets nothing pass that is not sound. */
export class AuthSnapshotReader {
  readonly #users = new Map<string, AuthUser>();
  readonly #roles = new Map<string, AuthRole>();
  #state: { readonly revision: number; enabled: boolean; tokenKey: Uint8Array } | undefined;
  #lastKey = "";

  /** @throws CodecError, EngineError `VERSION_MISMATCH`, `DATA_CORRUPTION` */
  read({ key, value }: SnapshotRecord): AuthPart {
    const place = keyToString(key);
    if (place <= this.#lastKey) corruptAuth("has its users and roles out of order, or twice");
    this.#lastKey = place;
    const name = place.slice(1);
    const reader = new Reader(value);
    if (key[0] === AUTH_NAMESPACE.state) {
      if (name !== "") corruptAuth("has a state of the users whose key goes on");
      return this.#readState(reader);
    }
    const revision = this.#state?.revision ?? corruptAuth("has users without their state");
    if (!AUTH_NAME.test(name)) corruptAuth("has a user or a role of a name that none can have");
    if (key[0] === AUTH_NAMESPACE.user) {
      const user = readUser(reader, name);
      if (user.epoch === 0 || user.epoch > revision) {
        corruptAuth(`has user "${name}" of change ${user.epoch}, of ${revision} in all`);
      }
      this.#users.set(name, user);
      return { kind: "user", name };
    }
    this.#roles.set(name, readRole(reader, name));
    return { kind: "role", name };
  }

  /** To be called behind the last record. @throws EngineError `DATA_CORRUPTION` */
  finish(): AuthState {
    const { usersMax, rolesMax } = AUTH_BOUNDS;
    if (this.#users.size > usersMax || this.#roles.size > rolesMax) {
      corruptAuth(`has ${this.#users.size} users and ${this.#roles.size} roles, more than can be`);
    }
    for (const { name, roles } of this.#users.values()) {
      for (const role of roles) {
        if (role === ROOT_ROLE || this.#roles.has(role)) continue;
        corruptAuth(`has user "${name}" with role "${role}", which is missing`);
      }
    }
    return new AuthState({ ...this.#state, users: this.#users, roles: this.#roles });
  }

  #readState(reader: Reader): AuthPart {
    let revision = 0;
    let enabled = false;
    let tokenKey: Uint8Array = new Uint8Array(0);
    while (reader.hasMore()) {
      const tag = reader.tag("AuthState");
      if (tag === 0x08) revision = reader.uint64("AuthState.revision");
      else if (tag === 0x10) enabled = reader.flag("AuthState.enabled");
      else if (tag === 0x1a) tokenKey = reader.byteField("AuthState.token_key").slice();
      else refuseUnknownField(reader, "AuthState", tag, tag >>> 3 <= 3);
    }
    if (revision === 0) corruptAuth("has a state of the users that nothing has changed");
    this.#state = { revision, enabled, tokenKey };
    return { kind: "authState", revision, enabled };
  }
}

function readUser(reader: Reader, name: string): AuthUser {
  let epoch = 0;
  let password: Uint8Array = new Uint8Array(0);
  const roles: string[] = [];
  const tokens: AuthToken[] = [];
  while (reader.hasMore()) {
    const tag = reader.tag("AuthUser");
    if (tag === 0x08) epoch = reader.uint64("AuthUser.epoch");
    else if (tag === 0x12) password = reader.byteField("AuthUser.password").slice();
    else if (tag === 0x1a) roles.push(keyToString(reader.byteField("AuthUser.roles")));
    else if (tag === 0x22) {
      const outer = reader.enter("AuthUser.tokens");
      tokens.push(readToken(reader));
      reader.leave(outer);
    } else refuseUnknownField(reader, "AuthUser", tag, tag >>> 3 <= 4);
  }
  checkAscending(roles, `the roles of user "${name}"`);
  checkAscending(
    tokens.map(({ id }) => id),
    `the tokens of user "${name}"`,
  );
  return { name, epoch, password, roles, tokens };
}

function readToken(reader: Reader): AuthToken {
  let id = "";
  let hash: Uint8Array = new Uint8Array(0);
  while (reader.hasMore()) {
    const tag = reader.tag("AuthToken");
    if (tag === 0x0a) id = keyToString(reader.byteField("AuthToken.id"));
    else if (tag === 0x12) hash = reader.byteField("AuthToken.hash").slice();
    else refuseUnknownField(reader, "AuthToken", tag, tag >>> 3 <= 2);
  }
  return { id, hash };
}

function readRole(reader: Reader, name: string): AuthRole {
  const permissions: AuthPermission[] = [];
  while (reader.hasMore()) {
    const tag = reader.tag("AuthRole");
    if (tag !== 0x0a) refuseUnknownField(reader, "AuthRole", tag, tag >>> 3 === 1);
    const outer = reader.enter("AuthRole.permissions");
    permissions.push(readPermission(reader));
    reader.leave(outer);
  }
  permissions.forEach((one, at) => {
    const before = permissions[at - 1];
    const isBehind =
      before === undefined ||
      one.from > before.from ||
      (one.from === before.from && one.to > before.to);
    if (!isBehind || one.to <= one.from)
      corruptAuth(`has role "${name}" with its ranges in disorder`);
  });
  return { name, permissions };
}

function readPermission(reader: Reader): AuthPermission {
  let key: Uint8Array = new Uint8Array(0);
  let rangeEnd: Uint8Array | undefined;
  let number = 0;
  while (reader.hasMore()) {
    const tag = reader.tag("AuthPermission");
    if (tag === 0x0a) key = reader.byteField("AuthPermission.key");
    else if (tag === 0x12) rangeEnd = reader.byteField("AuthPermission.range_end");
    else if (tag === 0x18) number = reader.uint32("AuthPermission.right");
    else refuseUnknownField(reader, "AuthPermission", tag, tag >>> 3 <= 3);
  }
  const right = authRights[number];
  if (right === undefined) throw newerVersion(`the snapshot has a permission of right ${number}`);
  return { ...spanRange({ key, rangeEnd }), right };
}

function checkAscending(names: readonly string[], what: string): void {
  names.forEach((name, at) => {
    if (at > 0 && name <= names[at - 1]!) corruptAuth(`has ${what} out of order, or twice`);
  });
}

function corruptAuth(what: string): never {
  throw new EngineError("DATA_CORRUPTION", `the snapshot of the key-value store ${what}`);
}
