import {
  type AuthCommand,
  encodeKvWrite,
  type Identity,
  type KvCommand,
  Slab,
  withIdentity,
} from "@d-engine/codec";
import { KvStateMachine, type WriteOutcome } from "../src/index.js";
import { applyNext, bytes } from "./commands.js";

const slab = new Slab();

/** The program that a node runs in. */
export const local: Identity = { user: "", epoch: 0, local: true };

/** A change; what its kind does not speak of is empty. */
export function change(
  kind: AuthCommand["change"],
  { key, end, ...fields }: Partial<Omit<AuthCommand, "key">> & { key?: string; end?: string } = {},
): Uint8Array {
  return kvWrite({
    kind: "auth",
    change: kind,
    user: "",
    role: "",
    right: "read",
    secret: bytes("secret"),
    token: "",
    ...fields,
    key: bytes(key ?? ""),
    rangeEnd: end === undefined ? undefined : bytes(end),
  });
}

export function kvWrite(command: KvCommand): Uint8Array {
  return encodeKvWrite(slab, command);
}

/** Applies a command in the name of a user as it is now, or of the program. */
export function applyAs(
  machine: KvStateMachine,
  who: string | Identity,
  command: Uint8Array,
): WriteOutcome {
  const identity = typeof who === "string" ? identityOf(machine, who) : who;
  return applyNext(machine, withIdentity(slab, command, identity));
}

export function identityOf(machine: KvStateMachine, user: string): Identity {
  return { user, epoch: machine.auth.users.get(user)?.epoch ?? 0, local: false };
}

/**
 * A machine that asks for users: `root`, and `alice`, whose role `team` may read `a` to `c`, write
 * `b` to `d`, and both for `x`.
 */
export function guardedMachine(): KvStateMachine {
  const machine = new KvStateMachine();
  for (const command of [
    change("addUser", { user: "root" }),
    change("grantRole", { user: "root", role: "root" }),
    change("addUser", { user: "alice" }),
    change("addRole", { role: "team" }),
    change("grantRole", { user: "alice", role: "team" }),
    change("grantPermission", { role: "team", key: "a", end: "c" }),
    change("grantPermission", { role: "team", key: "b", end: "d", right: "write" }),
    change("grantPermission", { role: "team", key: "x", right: "readwrite" }),
    change("enable"),
  ]) {
    const { refusal } = applyNext(machine, command);
    if (refusal !== undefined) throw new Error(refusal.message);
  }
  return machine;
}
