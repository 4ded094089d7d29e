import type { Compare, KvCommand, TxnOperation } from "@d-engine/codec";
import { Slab, withSession } from "@d-engine/codec";
import type { LogIndex, SnapshotRecord } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import {
  applyAs,
  change,
  guardedMachine,
  identityOf,
  kvWrite,
  local,
} from "../../test/auth-commands.js";
import { applyNext, bytes, cas, del, put } from "../../test/commands.js";
import { KvBackupTransform, KvStateMachine } from "../index.js";

const slab = new Slab();
const leasePut = (key: string, lease = 0): TxnOperation & KvCommand => ({
  kind: "leasePut",
  key: bytes(key),
  value: bytes("v"),
  lease,
  ttlMs: 0,
});
const span = (key: string, end?: string) => ({
  key: bytes(key),
  rangeEnd: end === undefined ? undefined : bytes(end),
});
const deleteRange = (key: string, end?: string) =>
  ({ kind: "deleteRange", ...span(key, end) }) as const;
const range = (key: string, end?: string): TxnOperation => ({
  kind: "range",
  ...span(key, end),
  limit: 0,
  revision: 0,
  keysOnly: false,
  countOnly: false,
  descending: false,
});
const compare = (key: string, end?: string): Compare => ({
  ...span(key, end),
  target: "version",
  result: "equal",
  number: 0,
  value: bytes(""),
});
const txn = (parts: { compares?: Compare[]; success?: TxnOperation[]; failure?: TxnOperation[] }) =>
  ({ kind: "txn", compares: [], success: [], failure: [], ...parts }) as const;

function codeOf(outcome: { refusal?: { code: string } }): string | undefined {
  return outcome.refusal?.code;
}

function recordsOf(machine: KvStateMachine): SnapshotRecord[] {
  const snapshot = machine.snapshot();
  const records: SnapshotRecord[] = [];
  for (let next = snapshot.next(100); next.length > 0; next = snapshot.next(100)) {
    records.push(...next);
  }
  return records;
}

function restored(records: readonly SnapshotRecord[], lastApplied: number): KvStateMachine {
  const machine = new KvStateMachine();
  const restoration = machine.restore();
  for (const record of records) restoration.add(record);
  restoration.finish(lastApplied as LogIndex);
  return machine;
}

describe("a store that asks for users", () => {
  it("executes nothing that names none, and what leaders propose for nobody", () => {
    const machine = guardedMachine();
    const before = machine.stateHash();
    expect(applyNext(machine, put("b", "1"))).toMatchObject({
      succeeded: false,
      refusal: { code: "UNAUTHENTICATED" },
    });
    expect(machine.stateHash()).toBe(before);
    expect(codeOf(applyNext(machine, kvWrite({ kind: "time" })))).toBeUndefined();
    expect(codeOf(applyNext(machine, kvWrite({ kind: "expire", leases: [] })))).toBeUndefined();
  });

  it("lets root and the program of the node do everything", () => {
    const machine = guardedMachine();
    for (const who of ["root", local]) {
      expect(codeOf(applyAs(machine, who, put("z", "1")))).toBeUndefined();
      expect(codeOf(applyAs(machine, who, kvWrite(deleteRange("", ""))))).toBeUndefined();
    }
    expect(codeOf(applyAs(machine, local, change("disable")))).toBeUndefined();
    expect(codeOf(applyNext(machine, put("z", "1")))).toBeUndefined();
  });

  it.each<{ name: string; command: Uint8Array; allowed: boolean }>([
    { name: "a put", command: put("b", "1"), allowed: true },
    { name: "a put of a key that it may only read", command: put("a", "1"), allowed: false },
    { name: "a put behind the range", command: put("d", "1"), allowed: false },
    { name: "a delete", command: del("cc"), allowed: true },
    { name: "a delete elsewhere", command: del("e"), allowed: false },
    {
      name: "a swap of what it reads and writes",
      command: cas("b", undefined, "1"),
      allowed: true,
    },
    { name: "a swap of what it may not read", command: cas("c", undefined, "1"), allowed: false },
    { name: "a swap of what it may not write", command: cas("a", undefined, "1"), allowed: false },
    { name: "a range", command: kvWrite(deleteRange("b", "d")), allowed: true },
    {
      name: "a range that reaches beyond",
      command: kvWrite(deleteRange("b", "d\u0000")),
      allowed: false,
    },
    { name: "a range to the last key", command: kvWrite(deleteRange("b", "")), allowed: false },
    {
      name: "a transaction over several permissions",
      command: kvWrite(
        txn({ compares: [compare("a", "c")], success: [leasePut("x")], failure: [range("x")] }),
      ),
      allowed: true,
    },
    {
      name: "a compare of what it may not read",
      command: kvWrite(txn({ compares: [compare("c")], success: [leasePut("b")] })),
      allowed: false,
    },
    {
      name: "a put in the branch that is not taken",
      command: kvWrite(txn({ success: [leasePut("b")], failure: [leasePut("e")] })),
      allowed: false,
    },
    {
      name: "a read in a transaction within another",
      command: kvWrite(txn({ success: [txn({ failure: [range("b", "d")] })] })),
      allowed: false,
    },
    { name: "compaction", command: kvWrite({ kind: "compact", revision: 1 }), allowed: false },
    { name: "a change of roles", command: change("addRole", { role: "r" }), allowed: false },
    { name: "its own password", command: change("setPassword", { user: "alice" }), allowed: true },
    {
      name: "another's password",
      command: change("setPassword", { user: "root" }),
      allowed: false,
    },
    { name: "no users any more", command: change("disable"), allowed: false },
  ])("decides about $name of a user with rights to some keys", ({ command, allowed }) => {
    const machine = guardedMachine();
    applyAs(machine, "root", put("a", "0"));
    const before = machine.stateHash();
    const outcome = applyAs(machine, "alice", command);
    expect(codeOf(outcome)).toBe(allowed ? undefined : "PERMISSION_DENIED");
    if (!allowed) expect(machine.stateHash()).toBe(before);
  });

  it("says who may not do what, and how to go on", () => {
    const machine = guardedMachine();
    const { refusal } = applyAs(machine, "alice", kvWrite(deleteRange("e\u0001", "f")));
    expect(refusal?.message).toBe(
      'user "alice" may not write keys from "e\\x01" up to "f": grant one of its roles that right ' +
        "(d-engine role grant-permission)",
    );
  });

  it("refuses what was admitted before a right was taken away, a user removed, a password changed", () => {
    const machine = guardedMachine();
    const identity = identityOf(machine, "alice");
    applyAs(machine, "root", change("revokeRole", { user: "alice", role: "team" }));
    expect(codeOf(applyAs(machine, identity, put("b", "1")))).toBe("PERMISSION_DENIED");
    applyAs(machine, "root", change("grantRole", { user: "alice", role: "team" }));
    expect(codeOf(applyAs(machine, identity, put("b", "1")))).toBeUndefined();
    applyAs(machine, "root", change("setPassword", { user: "alice" }));
    expect(codeOf(applyAs(machine, identity, put("b", "1")))).toBe("UNAUTHENTICATED");
    const second = identityOf(machine, "alice");
    applyAs(machine, "root", change("deleteUser", { user: "alice" }));
    applyAs(machine, "root", change("addUser", { user: "alice" }));
    expect(codeOf(applyAs(machine, second, put("b", "1")))).toBe("UNAUTHENTICATED");
  });

  it("keeps those from a lease who may not write its keys", () => {
    const machine = guardedMachine();
    applyAs(machine, "root", kvWrite({ kind: "leaseGrant", id: 7, ttlMs: 9_000, session: false }));
    expect(codeOf(applyAs(machine, "alice", kvWrite(leasePut("b", 7))))).toBeUndefined();
    expect(
      codeOf(applyAs(machine, "alice", kvWrite({ kind: "leaseKeepAlive", id: 7 }))),
    ).toBeUndefined();
    applyAs(machine, "root", kvWrite(leasePut("e", 7)));
    for (const command of [
      leasePut("b", 7),
      { kind: "leaseKeepAlive", id: 7 },
      { kind: "leaseRevoke", id: 7 },
    ] as const) {
      expect(codeOf(applyAs(machine, "alice", kvWrite(command)))).toBe("PERMISSION_DENIED");
    }
    expect(
      codeOf(applyAs(machine, "root", kvWrite({ kind: "leaseRevoke", id: 7 }))),
    ).toBeUndefined();
  });

  it("gives results of a session to whoever began it, and to nobody else", () => {
    const machine = guardedMachine();
    const grant = kvWrite({ kind: "leaseGrant", id: 7, ttlMs: 9_000, session: true });
    applyAs(machine, "alice", grant);
    const marked = withSession(slab, put("x", "1"), { id: 7, sequence: 1, acknowledged: 0 });
    expect(codeOf(applyAs(machine, "root", marked))).toBe("SESSION_EXPIRED");
    const first = applyAs(machine, "alice", marked);
    expect(first.succeeded).toBe(true);
    // It was executed, so that a repetition must not say that it had no effect.
    applyAs(machine, "root", change("revokeRole", { user: "alice", role: "team" }));
    expect(applyAs(machine, "alice", marked)).toEqual(first);
    const again = restored(recordsOf(machine), machine.lastApplied);
    expect(codeOf(applyAs(again, "root", marked))).toBe("SESSION_EXPIRED");
    expect(applyAs(again, "alice", marked)).toEqual(first);
  });
});

describe("changes of users and roles", () => {
  it("enable only with somebody who could undo it, and keep one", () => {
    const machine = new KvStateMachine();
    expect(codeOf(applyNext(machine, change("enable")))).toBe("INVALID_REQUEST");
    applyNext(machine, change("addUser", { user: "admin", secret: bytes("") }));
    applyNext(machine, change("grantRole", { user: "admin", role: "root" }));
    expect(codeOf(applyNext(machine, change("enable")))).toBe("INVALID_REQUEST");
    applyNext(machine, change("addToken", { user: "admin", token: "t" }));
    expect(codeOf(applyNext(machine, change("enable")))).toBeUndefined();
    for (const last of [
      change("deleteUser", { user: "admin" }),
      change("revokeRole", { user: "admin", role: "root" }),
      change("deleteToken", { user: "admin", token: "t" }),
    ]) {
      expect(applyAs(machine, "admin", last).refusal?.message).toContain("role root");
    }
  });

  it.each([
    { name: "a user twice", command: change("addUser", { user: "alice" }) },
    { name: "a user that is not there", command: change("setPassword", { user: "bob" }) },
    { name: "a role twice", command: change("addRole", { role: "team" }) },
    { name: "the role root anew", command: change("addRole", { role: "root" }) },
    { name: "permissions of root", command: change("grantPermission", { role: "root", key: "a" }) },
    {
      name: "a role that is not there",
      command: change("grantRole", { user: "alice", role: "r" }),
    },
    {
      name: "a role twice to a user",
      command: change("grantRole", { user: "alice", role: "team" }),
    },
    {
      name: "a permission that is not there",
      command: change("revokePermission", { role: "team", key: "a" }),
    },
    {
      name: "an empty range",
      command: change("grantPermission", { role: "team", key: "b", end: "a" }),
    },
    { name: "an empty key", command: change("grantPermission", { role: "team" }) },
    { name: "a name with a blank", command: change("addUser", { user: "a b" }) },
    { name: "an empty name", command: change("addUser") },
    {
      name: "a token that is not there",
      command: change("deleteToken", { user: "alice", token: "t" }),
    },
    {
      name: "a secret without end",
      command: change("setPassword", { user: "alice", secret: new Uint8Array(257) }),
    },
  ])("refuse $name, and leave everything as it was", ({ command }) => {
    const machine = guardedMachine();
    const before = machine.stateHash();
    expect(codeOf(applyAs(machine, "root", command))).toBe("INVALID_REQUEST");
    expect(machine.stateHash()).toBe(before);
  });

  it("replace the right over the same keys, and take a deleted role from its users", () => {
    const machine = guardedMachine();
    applyAs(
      machine,
      "root",
      change("grantPermission", { role: "team", key: "a", end: "c", right: "write" }),
    );
    expect(machine.auth.roles.get("team")?.permissions).toHaveLength(3);
    expect(codeOf(applyAs(machine, "alice", put("a", "1")))).toBeUndefined();
    applyAs(machine, "root", change("deleteRole", { role: "team" }));
    applyAs(machine, "root", change("addRole", { role: "team" }));
    expect(machine.auth.users.get("alice")?.roles).toEqual([]);
  });

  it("tell whoever listens, and take no revision", () => {
    const machine = guardedMachine();
    let told = 0;
    machine.onAuthChanged = () => told++;
    const { revision } = machine;
    applyAs(machine, "root", change("addRole", { role: "r" }));
    applyAs(machine, "root", change("addRole", { role: "r" }));
    expect(told).toBe(1);
    expect(machine.revision).toBe(revision);
  });

  it("come from nodes alone, and so does who writes (rule R14)", () => {
    const machine = guardedMachine();
    const refused = expect.objectContaining({ code: "INVALID_REQUEST" });
    expect(() => machine.validateClient(change("addRole", { role: "r" }))).toThrow(refused);
    const forged = Uint8Array.of(...put("a", "1"), 0xba, 0x06, 2, 0x18, 1);
    expect(() => machine.validateClient(forged)).toThrow(refused);
    expect(() => machine.validate(change("addUser", { user: "a b" }))).toThrow(refused);
  });
});

describe("users and roles in a snapshot", () => {
  function used(): KvStateMachine {
    const machine = guardedMachine();
    applyAs(machine, "root", change("addToken", { user: "alice", token: "ci" }));
    applyAs(machine, "root", change("grantPermission", { role: "team", key: "k", end: "" }));
    return machine;
  }

  it("come back as they were (I12), and frozen (R16)", () => {
    const machine = used();
    const snapshot = machine.snapshot();
    const hash = machine.stateHash();
    const records = recordsOf(machine);
    applyAs(machine, "root", change("deleteRole", { role: "team" }));
    expect(machine.stateHash()).not.toBe(hash);
    const frozen: SnapshotRecord[] = [];
    for (let next = snapshot.next(1); next.length > 0; next = snapshot.next(1))
      frozen.push(...next);
    expect(frozen).toEqual(records);
    const again = restored(records, machine.lastApplied - 1);
    expect(again.stateHash()).toBe(hash);
    expect(codeOf(applyAs(again, "alice", put("kk", "1")))).toBe("PERMISSION_DENIED");
    expect(codeOf(applyAs(again, "alice", put("b", "1")))).toBeUndefined();
  });

  it("are in a restored backup", () => {
    const machine = used();
    const transform = new KvBackupTransform();
    const records = recordsOf(machine).flatMap((record) => transform.next(record) ?? []);
    const again = restored(records, 1);
    expect(again.auth.users).toEqual(machine.auth.users);
    expect(codeOf(applyNext(again, put("b", "1")))).toBe("UNAUTHENTICATED");
  });

  const stateRecord = { key: Uint8Array.of(0x33), value: Uint8Array.of(0x08, 5) };
  const userRecord = (name: string, ...value: number[]) => ({
    key: Uint8Array.of(0x34, ...bytes(name)),
    value: Uint8Array.from(value),
  });
  const end = { key: Uint8Array.of(0x3f), value: new Uint8Array(0) };
  it.each([
    { name: "users without their state", records: [userRecord("a", 0x08, 1)] },
    {
      name: "a state that nothing changed",
      records: [{ ...stateRecord, value: new Uint8Array(0) }],
    },
    { name: "a user of a change to come", records: [stateRecord, userRecord("a", 0x08, 6)] },
    {
      name: "a user twice",
      records: [stateRecord, userRecord("a", 0x08, 1), userRecord("a", 0x08, 1)],
    },
    {
      name: "a role that is missing",
      records: [stateRecord, userRecord("a", 0x08, 1, 0x1a, 1, 0x72), end],
    },
    { name: "a name that none can have", records: [stateRecord, userRecord(" ", 0x08, 1)] },
    {
      name: "roles in disorder",
      records: [stateRecord, userRecord("a", 0x08, 1, 0x1a, 1, 0x72, 0x1a, 1, 0x71)],
    },
  ])("are refused with DATA_CORRUPTION: $name", ({ records }) => {
    const first = recordsOf(new KvStateMachine())[0]!;
    const corrupt = expect.objectContaining({ code: "DATA_CORRUPTION" });
    expect(() => restored([first, ...records], 1)).toThrow(corrupt);
  });
});
