import { type AuthChangeKind, type AuthRight, authChangeKinds, authRights } from "@d-engine/codec";
import type { auth, MessageInitShape } from "@d-engine/proto";
import type { CallOptions } from "../engine-client.js";
import { type KeySelection, spanOf } from "../key-selection.js";

/** A user, without what is secret. */
export interface AuthUser {
  readonly name: string;
  /** Whether it can authenticate with a password. */
  readonly hasPassword: boolean;
  readonly roles: readonly string[];
  /** What its tokens are known by. */
  readonly tokens: readonly string[];
}

/** What its users may do. */
export interface AuthRole {
  readonly name: string;
  readonly permissions: readonly AuthPermission[];
}

/** A right over one key, or over all from `key` up to `end`: the last when `end` is empty. */
export interface AuthPermission {
  readonly key: Uint8Array;
  readonly end: Uint8Array | undefined;
  readonly right: AuthRight;
}

/** Who may do what in a cluster. */
export interface AuthDescription {
  /** Whether anybody is asked who it is. */
  readonly enabled: boolean;
  /** How many changes there have been. */
  readonly revision: number;
  /** Without the role `root`: oneself. */
  readonly users: readonly AuthUser[];
  readonly roles: readonly AuthRole[];
}

/**
 * Who may do what in a cluster: users have roles, roles have rights over keys. The role `root` may do
 * everything. Nobody is asked for before `enable`. Changes go to the leader, and hold for whatever
 * comes behind them in the log. Every method rejects with `EngineError`: `INVALID_REQUEST` for what
 * contradicts what there is, `PERMISSION_DENIED` without the role `root`.
 *
 * @example
 * await using auth = connectAuth(["127.0.0.1:9081"]);
 * await auth.addUser("root", { password });
 * await auth.grantRole("root", "root");
 * await auth.enable();
 */
export interface AuthAdmin extends AsyncDisposable {
  /** As of no earlier than this call. */
  describe(options?: CallOptions): Promise<AuthDescription>;
  /** From here on every request needs a user; one with the role `root` must be there. */
  enable(options?: CallOptions): Promise<void>;
  disable(options?: CallOptions): Promise<void>;
  /** Without a password it can have tokens alone. */
  addUser(name: string, options?: CallOptions & { readonly password?: string }): Promise<void>;
  deleteUser(name: string, options?: CallOptions): Promise<void>;
  /** Users may change their own. Ends what was authenticated with the one before. */
  setPassword(name: string, password: string, options?: CallOptions): Promise<void>;
  grantRole(user: string, role: string, options?: CallOptions): Promise<void>;
  revokeRole(user: string, role: string, options?: CallOptions): Promise<void>;
  addRole(name: string, options?: CallOptions): Promise<void>;
  /** Takes it from its users as well. */
  deleteRole(name: string, options?: CallOptions): Promise<void>;
  /** In place of the right that the role had to just these keys. */
  grantPermission(
    role: string,
    right: AuthRight,
    keys: KeySelection,
    options?: CallOptions,
  ): Promise<void>;
  revokePermission(role: string, keys: KeySelection, options?: CallOptions): Promise<void>;
  /** A token for a program, good until it is deleted; told this once. */
  createToken(user: string, id: string, options?: CallOptions): Promise<string>;
  deleteToken(user: string, id: string, options?: CallOptions): Promise<void>;
  /** Releases connections. Idempotent. */
  close(): Promise<void>;
}

/** What `AuthService.Change` is asked. */
export type AuthRequest = MessageInitShape<typeof auth.ChangeRequestSchema>;

/** How requests reach the cluster. */
export interface AuthPort {
  change(request: AuthRequest, options?: CallOptions): Promise<{ readonly token: string }>;
  describe(options?: CallOptions): Promise<auth.DescribeResponse>;
  close(): Promise<void>;
}

interface ChangeParts {
  readonly user?: string;
  readonly role?: string;
  readonly token?: string;
  readonly right?: AuthRight;
  readonly keys?: KeySelection;
  readonly password?: string;
}

/** Over any port. */
export class PortAuthAdmin implements AuthAdmin {
  readonly #port: AuthPort;

  constructor(port: AuthPort) {
    this.#port = port;
  }

  async describe(options?: CallOptions): Promise<AuthDescription> {
    const { enabled, revision, users, roles } = await this.#port.describe(options);
    return {
      enabled,
      revision: Number(revision),
      users: users.map(({ name, hasPassword, roles: names, tokens }) => {
        return { name, hasPassword, roles: names, tokens };
      }),
      roles: roles.map(({ name, permissions }) => ({
        name,
        permissions: permissions.map(({ key, rangeEnd, right }) => {
          return { key, end: rangeEnd, right: authRights[right] ?? "read" };
        }),
      })),
    };
  }

  async enable(options?: CallOptions): Promise<void> {
    await this.#change("enable", {}, options);
  }

  async disable(options?: CallOptions): Promise<void> {
    await this.#change("disable", {}, options);
  }

  async addUser(
    user: string,
    { password = "", ...options }: CallOptions & { readonly password?: string } = {},
  ): Promise<void> {
    await this.#change("addUser", { user, password }, options);
  }

  async deleteUser(user: string, options?: CallOptions): Promise<void> {
    await this.#change("deleteUser", { user }, options);
  }

  async setPassword(user: string, password: string, options?: CallOptions): Promise<void> {
    await this.#change("setPassword", { user, password }, options);
  }

  async grantRole(user: string, role: string, options?: CallOptions): Promise<void> {
    await this.#change("grantRole", { user, role }, options);
  }

  async revokeRole(user: string, role: string, options?: CallOptions): Promise<void> {
    await this.#change("revokeRole", { user, role }, options);
  }

  async addRole(role: string, options?: CallOptions): Promise<void> {
    await this.#change("addRole", { role }, options);
  }

  async deleteRole(role: string, options?: CallOptions): Promise<void> {
    await this.#change("deleteRole", { role }, options);
  }

  async grantPermission(
    role: string,
    right: AuthRight,
    keys: KeySelection,
    options?: CallOptions,
  ): Promise<void> {
    await this.#change("grantPermission", { role, right, keys }, options);
  }

  async revokePermission(role: string, keys: KeySelection, options?: CallOptions): Promise<void> {
    await this.#change("revokePermission", { role, keys }, options);
  }

  createToken(user: string, token: string, options?: CallOptions): Promise<string> {
    return this.#change("addToken", { user, token }, options);
  }

  async deleteToken(user: string, token: string, options?: CallOptions): Promise<void> {
    await this.#change("deleteToken", { user, token }, options);
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #change(
    change: AuthChangeKind,
    { user = "", role = "", token = "", right = "read", keys, password = "" }: ChangeParts,
    options?: CallOptions,
  ): Promise<string> {
    const span = keys === undefined ? undefined : spanOf(keys);
    const answer = await this.#port.change(
      {
        change: {
          kind: authChangeKinds.indexOf(change),
          user: utf8.encode(user),
          role: utf8.encode(role),
          token: utf8.encode(token),
          right: authRights.indexOf(right),
          ...(span === undefined ? {} : { key: span.key }),
          ...(span?.rangeEnd === undefined ? {} : { rangeEnd: span.rangeEnd }),
        },
        password,
      },
      options,
    );
    return answer.token;
  }
}

const utf8 = new TextEncoder();
