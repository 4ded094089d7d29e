import type { AuthCommand } from "@d-engine/codec";
import type { NodeAuth } from "../src/driver/node-auth.js";

const bytes = (text: string) => new TextEncoder().encode(text);

/** What a test says of a change. */
export type GivenChange = Partial<Omit<AuthCommand, "kind" | "change" | "key" | "rangeEnd">> & {
  readonly key?: string;
  readonly end?: string;
};

/** A change; what its kind does not speak of is empty, but for something secret. */
export function authChange(change: AuthCommand["change"], given: GivenChange = {}): AuthCommand {
  const { key = "", end, ...fields } = given;
  return {
    kind: "auth",
    change,
    user: "",
    role: "",
    right: "read",
    secret: bytes("secret"),
    token: "",
    ...fields,
    key: bytes(key),
    rangeEnd: end === undefined ? undefined : bytes(end),
  };
}

/** Users `root`, `alice`, who may read and write keys that begin with `k`, and `bob`, with `z`. */
export async function addUsers(auth: NodeAuth): Promise<void> {
  const team = { role: "team", key: "k", end: "l", right: "readwrite" } as const;
  const other = { role: "other", key: "z", end: "", right: "readwrite" } as const;
  for (const one of [
    authChange("addUser", { user: "root" }),
    authChange("grantRole", { user: "root", role: "root" }),
    authChange("addUser", { user: "alice" }),
    authChange("addUser", { user: "bob" }),
    authChange("addRole", team),
    authChange("addRole", other),
    authChange("grantPermission", team),
    authChange("grantPermission", other),
    authChange("grantRole", { user: "alice", role: "team" }),
    authChange("grantRole", { user: "bob", role: "other" }),
  ]) {
    await auth.change(one);
  }
}
