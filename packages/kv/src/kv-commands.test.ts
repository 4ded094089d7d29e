import {
  appendStamp,
  encodeKvWrite,
  type KvCommand,
  type RangeQuery,
  Slab,
  type TxnCommand,
  type TxnOperation,
} from "@d-engine/codec";
import { isEngineError } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { applyNext, bytes, machineWith, put, text } from "../test/commands.js";
import { type KvEvent, KvStateMachine } from "./index.js";

const slab = new Slab();
const write = (command: KvCommand) => encodeKvWrite(slab, command);
const stamped = (command: Uint8Array, stampMs = 1) => appendStamp(slab, command, stampMs);

const leasePut = (key: string, value = "v", fields: { lease?: number; ttlMs?: number } = {}) =>
  ({
    kind: "leasePut",
    key: bytes(key),
    value: bytes(value),
    lease: 0,
    ttlMs: 0,
    ...fields,
  }) as const;
const deleteRange = (key: string, rangeEnd?: string) =>
  ({ kind: "deleteRange", ...span(key, rangeEnd) }) as const;
const txn = (...success: TxnOperation[]): TxnCommand => ({
  kind: "txn",
  compares: [],
  success,
  failure: [],
});
const range = (key: string, rangeEnd?: string, revision = 0): RangeQuery => ({
  kind: "range",
  ...span(key, rangeEnd),
  limit: 0,
  revision,
  keysOnly: false,
  countOnly: false,
  descending: false,
});

function span(key: string, rangeEnd?: string) {
  return { key: bytes(key), rangeEnd: rangeEnd === undefined ? undefined : bytes(rangeEnd) };
}

function nested(depth: number): TxnCommand {
  return depth === 1 ? txn(leasePut("k")) : txn(nested(depth - 1));
}

function refusalOf(command: Uint8Array, machine = new KvStateMachine()): string {
  try {
    machine.validate(command);
  } catch (error) {
    expect(isEngineError(error, "INVALID_REQUEST"), String(error)).toBe(true);
    return String(error);
  }
  return "admitted";
}

describe("KvStateMachine.validate of transactions", () => {
  it.each([
    { name: "two puts of a key", command: txn(leasePut("a"), leasePut("a")) },
    { name: "a put and a delete of it", command: txn(leasePut("b"), deleteRange("a", "c")) },
    { name: "a delete and a put", command: txn(deleteRange("a", ""), leasePut("b")) },
    { name: "a put within", command: txn(leasePut("a"), txn(leasePut("a"))) },
    { name: "puts of two inner ones", command: txn(txn(leasePut("a")), txn(leasePut("a"))) },
    { name: "inner put, inner delete", command: txn(txn(leasePut("a")), txn(deleteRange("a"))) },
    {
      name: "a put in a branch that may be taken",
      command: txn(leasePut("a"), { ...txn(), failure: [leasePut("a")] }),
    },
  ])("refuses $name: the key would have two states in one revision", ({ command }) => {
    expect(refusalOf(write(command))).toMatch(/change the key "[ab]" twice/);
  });

  it.each([
    { name: "deletes that overlap", command: txn(deleteRange("a", "c"), deleteRange("b", "")) },
    { name: "a delete up to a put", command: txn(deleteRange("a", "b"), leasePut("b")) },
    {
      name: "one key in two branches",
      command: { ...txn(leasePut("a")), failure: [leasePut("a"), deleteRange("b")] },
    },
    { name: "8 transactions deep", command: nested(8) },
    { name: "nothing at all", command: txn() },
  ])("admits $name", ({ command }) => {
    expect(refusalOf(write(command))).toBe("admitted");
  });

  it("counts operations of both branches and of inner ones, and compares", () => {
    const puts = (count: number, from = 0) =>
      Array.from({ length: count }, (_, i) => leasePut(`k${from + i}`));
    const within = txn(...puts(100), { ...txn(...puts(14, 100)), failure: puts(13, 200) });
    expect(refusalOf(write(within))).toBe("admitted");
    const more = txn(...puts(100), { ...txn(...puts(14, 100)), failure: puts(14, 200) });
    expect(refusalOf(write(more))).toMatch(/129 operations.*txnOperationsMax = 128/);
    const compare = {
      ...span("a"),
      target: "version",
      result: "equal",
      number: 0,
      value: bytes(""),
    } as const;
    const compares = Array.from({ length: 129 }, () => compare);
    expect(refusalOf(write({ ...txn(), compares }))).toMatch(/129 compares/);
  });

  it.each([
    { name: "a past read", command: txn(range("a", "b", 3)), says: /names no revision/ },
    { name: "a long key", command: txn(leasePut("k".repeat(4097))), says: /keyBytesMax = 4096/ },
    { name: "an empty key", command: txn(txn(leasePut(""))), says: /key is empty/ },
    {
      name: "lease and TTL",
      command: txn(leasePut("a", "", { lease: 1, ttlMs: 5 })),
      says: /both/,
    },
    { name: "a TTL without stamp", command: txn(leasePut("a", "", { ttlMs: 5 })), says: /stamp/ },
    { name: "a hidden lease", command: leasePut("a", "", { lease: 2 ** 52 }), says: /no lease id/ },
    { name: "revision 0", command: { kind: "compact", revision: 0 } as const, says: /revision 0/ },
  ])("refuses $name", ({ command, says }) => {
    expect(refusalOf(write(command))).toMatch(says);
  });

  it("asks for room for every key that may come", () => {
    const machine = new KvStateMachine({ keysMax: 1 });
    applyNext(machine, put("a", "1"));
    machine.validate(write(txn(leasePut("a"), deleteRange("b"))));
    const command = write({ ...txn(), failure: [txn(leasePut("b"))] });
    expect(() => machine.validate(command)).toThrow("keysMax = 1");
  });
});

describe("KvStateMachine.validateClient", () => {
  it.each([
    {
      name: "a stamp",
      command: stamped(put("k", "v")),
      says: /stamp of a command is for the leader/,
    },
    { name: "a time entry", command: write({ kind: "time" }), says: /kind time/ },
    { name: "an expiry", command: write({ kind: "expire", leases: [] }), says: /kind expire/ },
  ])("refuses $name, which only the leader may propose (rule R14)", ({ command, says }) => {
    const machine = new KvStateMachine();
    expect(() => machine.validateClient(command)).toThrow(says);
  });

  it.each([
    { command: put("k", "v"), needs: false },
    { command: put("k", "v", 5), needs: true },
    { command: write(leasePut("k", "v", { ttlMs: 5 })), needs: true },
    { command: write(leasePut("k", "v", { lease: 5 })), needs: false },
    { command: write({ ...txn(), failure: [txn(leasePut("k", "", { ttlMs: 5 }))] }), needs: true },
    { command: write(txn(leasePut("k"))), needs: false },
    { command: write({ kind: "leaseKeepAlive", id: 1 }), needs: true },
    { command: write({ kind: "leaseRevoke", id: 1 }), needs: false },
  ])("says which commands live by the time of the cluster: $needs", ({ command, needs }) => {
    const machine = new KvStateMachine();
    machine.validateClient(command);
    expect(machine.needsStamp(command)).toBe(needs);
    if (needs) expect(refusalOf(command)).toMatch(/needs the stamp/);
    expect(refusalOf(stamped(command))).toBe("admitted");
  });
});

describe("KvStateMachine.apply of commands of several keys", () => {
  it("refuses before anything is changed, also when the last part is what cannot be", () => {
    const machine = machineWith(put("a", "1"));
    const before = machine.stateHash();
    const command = txn(leasePut("b"), deleteRange("a"), txn(leasePut("c", "v", { lease: 7 })));
    const outcome = applyNext(machine, write(command));
    expect(outcome).toMatchObject({ succeeded: false, revision: 1, existed: false });
    expect(outcome.refusal?.code).toBe("LEASE_NOT_FOUND");
    expect(machine.stateHash()).toBe(before);
  });

  it("binds no more keys to a lease by a transaction than otherwise", () => {
    const machine = new KvStateMachine();
    applyNext(machine, stamped(write({ kind: "leaseGrant", id: 1, ttlMs: 9, session: false })));
    for (let i = 0; i < 999; i++) applyNext(machine, write(leasePut(`k${i}`, "", { lease: 1 })));
    const last = leasePut("l", "", { lease: 1 });
    const outcome = applyNext(machine, write(txn(last, leasePut("m", "", { lease: 1 }))));
    expect(outcome.refusal?.code).toBe("INVALID_REQUEST");
    expect(applyNext(machine, write(txn(last))).refusal).toBeUndefined();
  });

  it("deletes a bounded number of keys by one command", () => {
    const machine = new KvStateMachine();
    for (let i = 0; i <= 100_000; i++) applyNext(machine, put(`k${i}`, ""));
    const all = applyNext(machine, write(deleteRange("k", "")));
    expect(all.refusal).toMatchObject({ code: "INVALID_REQUEST" });
    expect(applyNext(machine, write(txn(deleteRange("k", "")))).refusal?.message).toMatch(/100000/);
    const most = applyNext(machine, write(deleteRange("k1", "")));
    expect(most.detail).toEqual({ kind: "deleted", deleted: 100_000 });
    expect(machine.keys).toBe(1);
  });

  it("cuts what the ranges of a transaction answer together at a mebibyte, and says so", () => {
    const machine = machineWith(put("a", "x".repeat(2 ** 20)), put("b", ""));
    const { detail } = applyNext(machine, write(txn(range("a", ""), range("b"))));
    if (detail?.kind !== "txn") throw new Error("no result");
    expect(detail.results).toMatchObject([
      { entries: [{}], count: 2, more: true },
      { entries: [], count: 1, more: true },
    ]);
  });
});

describe("KvStateMachine and its history", () => {
  it("goes on after a cut at the same revision, whatever was written since", () => {
    const machine = machineWith(put("a", "1"), put("b", "1"), put("c", "1"));
    const first = machine.query({ ...range("a", ""), limit: 1 }, 1e6);
    expect(first).toMatchObject({ more: true, count: 3, revision: 3 });
    applyNext(machine, write(deleteRange("b")));
    applyNext(machine, put("bb", "2"));
    const rest = machine.query(range("a\0", "", 3), 1e6);
    if (rest.kind !== "range") throw new Error("no range");
    expect(rest.entries.map(({ key }) => text(key))).toEqual(["b", "c"]);
  });

  it("says COMPACTED with the oldest revision, of reads, events and compactions", () => {
    const machine = machineWith(put("a", "1"), put("a", "2"), put("a", "3"));
    applyNext(machine, write({ kind: "compact", revision: 2 }));
    const says = /revision 1 is compacted, the oldest that is kept is 2/;
    expect(() => machine.query(range("a", undefined, 1), 1)).toThrow(says);
    expect(() => machine.events(1, undefined, () => true)).toThrow(says);
    const again = applyNext(machine, write({ kind: "compact", revision: 1 }));
    expect(again.refusal).toMatchObject({
      code: "COMPACTED",
      message: expect.stringMatching(says),
    });
    const future = applyNext(machine, write({ kind: "compact", revision: 4 }));
    expect(future.refusal?.message).toMatch(/revision 4 is still to come, the present one is 3/);
  });

  it("is due for compaction beyond a limit, and keeps three quarters of it", () => {
    const machine = new KvStateMachine({ historyEventsMax: 8 });
    for (let i = 0; i < 8; i++) applyNext(machine, put("a", `${i}`));
    expect(machine.compactionDue()).toBeUndefined();
    applyNext(machine, put("a", "9"));
    expect(machine.compactionDue()).toBe(4);
    applyNext(machine, write({ kind: "compact", revision: 4 }));
    expect(machine.compactionDue()).toBeUndefined();
    const small = new KvStateMachine({ historyBytesMax: 1024 });
    for (let i = 0; i < 9; i++) applyNext(small, put("a", ""));
    expect(small.compactionDue()).toBe(small.revision - 4);
  });

  it("tells of each command that changed keys once, with all its events, and of a restoration", () => {
    const told: (readonly KvEvent[])[] = [];
    const machine = new KvStateMachine();
    let replaced = 0;
    machine.onEvents = (events) => told.push([...events]);
    machine.onReplaced = () => replaced++;
    applyNext(machine, put("a", "1"));
    applyNext(machine, write(deleteRange("b", "")));
    applyNext(machine, write(txn(leasePut("b"), deleteRange("a"))));
    const names = told.map((events) => events.map(({ revision, key }) => `${revision}${key}`));
    expect(names).toEqual([["1a"], ["2b", "2a"]]);
    const snapshot = machine.snapshot();
    const restoration = machine.restore();
    for (const record of snapshot.next(1e6)) restoration.add(record);
    expect(replaced).toBe(0);
    restoration.finish(snapshot.lastApplied);
    expect([replaced, told.length]).toEqual([1, 2]);
  });
});
