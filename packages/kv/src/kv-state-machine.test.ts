import { InvariantViolation, isEngineError, type LogIndex } from "@d-engine/core";
import { describe, expect, it } from "vitest";
import { applyNext, bytes, cas, del, machineWith, put, scanned, text } from "../test/commands.js";
import { recordsOf } from "../test/operations.js";
import { KvStateMachine } from "./index.js";

const seven = 7 as LogIndex;

describe("KvStateMachine.apply", () => {
  const held = [put("full", "v"), put("empty", "")];
  it.each([
    { name: "put of a new key", run: put("new", "v"), gives: [true, 3, false] },
    { name: "put of an empty value", run: put("new", ""), gives: [true, 3, false] },
    { name: "put over a key", run: put("full", "w"), gives: [true, 3, true] },
    { name: "put of the value that was there", run: put("full", "v"), gives: [true, 3, true] },
    { name: "delete of a key", run: del("full"), gives: [true, 3, true] },
    { name: "delete of an empty value", run: del("empty"), gives: [true, 3, true] },
    { name: "delete of nothing", run: del("new"), gives: [true, 2, false] },
    { name: "swap that matches", run: cas("full", "v", "w"), gives: [true, 3, true] },
    { name: "swap that matches empty", run: cas("empty", "", "w"), gives: [true, 3, true] },
    { name: "swap to the same value", run: cas("full", "v", "v"), gives: [true, 3, true] },
    { name: "swap of an absent key", run: cas("new", undefined, "w"), gives: [true, 3, false] },
    { name: "swap with another value", run: cas("full", "x", "w"), gives: [false, 2, true] },
    { name: "swap with a longer value", run: cas("full", "vv", "w"), gives: [false, 2, true] },
    { name: "swap with a shorter value", run: cas("full", "", "w"), gives: [false, 2, true] },
    { name: "absent against a key", run: cas("full", undefined, "w"), gives: [false, 2, true] },
    { name: "absent against empty", run: cas("empty", undefined, "w"), gives: [false, 2, true] },
    { name: "empty against absent", run: cas("new", "", "w"), gives: [false, 2, false] },
  ])("answers a $name with its outcome and the revision after it", ({ run, gives }) => {
    const [succeeded, revision, existed] = gives;
    const machine = machineWith(...held);
    expect(applyNext(machine, run)).toEqual({ succeeded, revision, existed });
    expect(machine.revision).toBe(revision);
    expect(machine.lastApplied).toBe(3);
  });

  it("writes records whose revisions and version begin anew with each life of the key", () => {
    const machine = machineWith(put("k", "1"), put("o", ""), put("k", "2"));
    const k = { key: "k", value: "2", createRevision: 1, modRevision: 3, version: 2 };
    expect(recordsOf(machine.view())[0]).toEqual(k);
    applyNext(machine, cas("k", "2", "3"));
    expect(recordsOf(machine.view())[0]).toEqual({ ...k, value: "3", modRevision: 4, version: 3 });
    applyNext(machine, del("k"));
    applyNext(machine, cas("k", undefined, "4"));
    expect(recordsOf(machine.view())[0]).toEqual({
      key: "k",
      value: "4",
      createRevision: 6,
      modRevision: 6,
      version: 1,
    });
  });

  it("counts keys, and the bytes of keys and values", () => {
    const machine = machineWith(put("abc", "12345"), put("d", ""));
    expect([machine.keys, machine.bytes]).toEqual([2, 9]);
    applyNext(machine, put("abc", "1"));
    expect([machine.keys, machine.bytes]).toEqual([2, 5]);
    applyNext(machine, cas("d", "", "123"));
    expect([machine.keys, machine.bytes]).toEqual([2, 8]);
    applyNext(machine, del("abc"));
    applyNext(machine, del("abc"));
    expect([machine.keys, machine.bytes]).toEqual([1, 4]);
  });

  it("keeps a view of the command's value, without a copy", () => {
    const command = put("k", "value");
    const value = machineWith(command).get(bytes("k"));
    expect(value?.buffer).toBe(command.buffer);
    expect(text(value!)).toBe("value");
  });

  it.each([
    { name: "an index again", index: 2 },
    { name: "an earlier index", index: 1 },
    { name: "an index with a gap before it", index: 4 },
  ])("stops at $name (invariant I5)", ({ index }) => {
    const machine = machineWith(put("a", "1"), put("b", "2"));
    const before = machine.stateHash();
    expect(() => machine.apply(index as LogIndex, put("c", "3"))).toThrow(InvariantViolation);
    expect(() => machine.skip(index as LogIndex)).toThrow(InvariantViolation);
    expect(machine.lastApplied).toBe(2);
    expect(machine.stateHash()).toBe(before);
  });

  it("enforces no limits: replicas with other ones have admitted the command", () => {
    const machine = new KvStateMachine({ keyBytesMax: 1, valueBytesMax: 0, keysMax: 1 });
    applyNext(machine, put("long", "value"));
    applyNext(machine, cas("longer", undefined, "value"));
    expect(scanned(machine)).toEqual(["long=value", "longer=value"]);
  });

  it.each([
    { name: "bytes that are no command", command: bytes("\x0a\x7f"), code: "DATA_CORRUPTION" },
    { name: "a command without operation", command: bytes(""), code: "DATA_CORRUPTION" },
  ] as const)("stops at $name, naming the entry, with the state unchanged", (row) => {
    const machine = machineWith(put("a", "1"));
    for (let i = 2; i < 7; i++) machine.skip(i as LogIndex);
    const before = machine.stateHash();
    const error = thrownBy(() => machine.apply(seven, row.command));
    expect(isEngineError(error, row.code), String(error)).toBe(true);
    expect(String(error)).toContain("log entry 7");
    expect(machine.lastApplied).toBe(6);
    expect(machine.stateHash()).toBe(before);
  });
});

describe("KvStateMachine.validate", () => {
  const long = (count: number) => "k".repeat(count);
  it.each([
    { name: "a key of 1 byte", command: put("k", "") },
    { name: "a key of 4096 bytes", command: put(long(4096), "v") },
    { name: "a value of 1 MiB", command: put("k", long(2 ** 20)) },
    { name: "a swap at the bounds", command: cas(long(4096), long(2 ** 20), long(2 ** 20)) },
    { name: "a delete at the bounds", command: del(long(4096)) },
  ])("admits $name", ({ command }) => {
    expect(() => new KvStateMachine().validate(command)).not.toThrow();
  });

  it.each([
    { name: "an empty key", command: put("", "v"), says: /key is empty.*1 to 4096/ },
    {
      name: "a key of 4097 bytes",
      command: put(long(4097), "v"),
      says: /4097 .*keyBytesMax = 4096/,
    },
    { name: "an empty key to delete", command: del(""), says: /key is empty/ },
    { name: "a long key to delete", command: del(long(4097)), says: /4097 .*keyBytesMax = 4096/ },
    { name: "an empty key to swap", command: cas("", "", ""), says: /key is empty/ },
    { name: "a long key to swap", command: cas(long(4097), "", ""), says: /keyBytesMax = 4096/ },
    {
      name: "a value of 1 MiB and a byte",
      command: put("k", long(2 ** 20 + 1)),
      says: /the value has 1048577 bytes.*valueBytesMax = 1048576/,
    },
    {
      name: "a long new value to swap",
      command: cas("k", "", long(2 ** 20 + 1)),
      says: /the new value has 1048577/,
    },
    {
      name: "a long expected value",
      command: cas("k", long(2 ** 20 + 1), ""),
      says: /the expected value has 1048577/,
    },
    { name: "a TTL of a millisecond", command: put("k", "v", 1), says: /needs the stamp/ },
    { name: "a TTL in seconds", command: bytes("\x0a\x05\x0a\x01k\x18\x01"), says: /stamp/ },
    { name: "a command without operation", command: bytes(""), says: /no operation/ },
    {
      name: "an operation of a later version",
      command: bytes("\xba\x06\x00"),
      says: /no operation/,
    },
    {
      name: "a cut command",
      command: put("key", "value").subarray(0, 9),
      says: /cannot be decoded/,
    },
    { name: "bytes that are no command", command: bytes("\xff\xff"), says: /cannot be decoded/ },
  ])("refuses $name with INVALID_REQUEST", ({ command, says }) => {
    const error = thrownBy(() => new KvStateMachine().validate(command));
    expect(isEngineError(error, "INVALID_REQUEST"), String(error)).toBe(true);
    expect(String(error)).toMatch(says);
  });

  it("goes by the limits of its node", () => {
    const machine = new KvStateMachine({ keyBytesMax: 2, valueBytesMax: 1 });
    expect(() => machine.validate(put("kk", "v"))).not.toThrow();
    expect(() => machine.validate(put("kkk", "v"))).toThrow("keyBytesMax = 2");
    expect(() => machine.validate(put("kk", "vv"))).toThrow("valueBytesMax = 1");
  });

  it("refuses new keys in a full store with RATE_LIMITED, and still takes writes to old ones", () => {
    const machine = new KvStateMachine({ keysMax: 2 });
    applyNext(machine, put("a", "1"));
    machine.validate(put("b", "2"));
    applyNext(machine, put("b", "2"));
    for (const command of [put("c", "3"), cas("c", undefined, "3")]) {
      const error = thrownBy(() => machine.validate(command));
      expect(isEngineError(error, "RATE_LIMITED"), String(error)).toBe(true);
      expect(String(error)).toContain("keysMax = 2");
    }
    for (const command of [put("a", "3"), cas("b", "2", "3"), del("a"), del("c")]) {
      expect(() => machine.validate(command)).not.toThrow();
    }
  });
});

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
