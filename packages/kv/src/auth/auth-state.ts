import type { AuthRight, Identity } from "@d-engine/codec";
import type { KeyRange } from "../prefix-range.js";
import type { WriteRefusal } from "../write-outcome.js";
import { type Access, LOCAL_ACCESS, UserAccess } from "./access.js";

/** The role that may do everything. It is always there, and has no permissions to list. */
export const ROOT_ROLE = "root";

export interface AuthUser {
  readonly name: string;
  /** The change that this user, or its password, came with: what was authenticated before ends. */
  readonly epoch: number;
  /** What its password is checked by; empty: it has none, and only tokens. */
  readonly password: Uint8Array;
  /** In byte order. */
  readonly roles: readonly string[];
  /** In the order of their ids. */
  readonly tokens: readonly AuthToken[];
}

export interface AuthToken {
  readonly id: string;
  readonly hash: Uint8Array;
}

export interface AuthRole {
  readonly name: string;
  /** In the order of their ranges. */
  readonly permissions: readonly AuthPermission[];
}

/** A right over the keys of a range. */
export interface AuthPermission extends KeyRange {
  readonly right: AuthRight;
}

export interface AuthContents {
  /** How many changes there have been. */
  readonly revision: number;
  readonly enabled: boolean;
  /** Signs the tokens that nodes give out; empty before it was enabled for the first time. */
  readonly tokenKey: Uint8Array;
  readonly users: ReadonlyMap<string, AuthUser>;
  readonly roles: ReadonlyMap<string, AuthRole>;
}

/**
 * Who may do what, between two changes. Immutable (rule R16): a change makes another one. What a
 * user may do is worked out when it is asked for first, and kept for as long as nothing changes.
 */
export class AuthState implements AuthContents {
  readonly revision: number;
  readonly enabled: boolean;
  readonly tokenKey: Uint8Array;
  readonly users: ReadonlyMap<string, AuthUser>;
  readonly roles: ReadonlyMap<string, AuthRole>;
  readonly #access = new Map<string, Access>();

  constructor(contents: Partial<AuthContents> = {}) {
    this.revision = contents.revision ?? 0;
    this.enabled = contents.enabled ?? false;
    this.tokenKey = contents.tokenKey ?? new Uint8Array(0);
    this.users = contents.users ?? new Map();
    this.roles = contents.roles ?? new Map();
  }

  /** Of a user that there is. */
  accessOf(user: AuthUser): Access {
    let access = this.#access.get(user.name);
    if (access === undefined) {
      const permissions = user.roles.flatMap((name) => this.roles.get(name)?.permissions ?? []);
      access = new UserAccess(user.name, user.roles.includes(ROOT_ROLE), permissions);
      this.#access.set(user.name, access);
    }
    return access;
  }

  /** What whoever this is may do, or why it counts as nobody. To be asked while it is enabled. */
  accessFor(identity: Identity | undefined): Access | WriteRefusal {
    if (identity === undefined) return NOBODY;
    if (identity.local) return LOCAL_ACCESS;
    const user = this.users.get(identity.user);
    if (user?.epoch === identity.epoch) return this.accessOf(user);
    return {
      code: "UNAUTHENTICATED",
      message:
        `user "${identity.user}" was removed, or its password changed, after it was ` +
        "authenticated: authenticate again",
    };
  }
}

/** Why a request without a user is refused. */
export const NOBODY: WriteRefusal = Object.freeze({
  code: "UNAUTHENTICATED",
  message:
    "this cluster asks for a user, and the request has none: connect with a user and its password, " +
    "or with a token",
});
