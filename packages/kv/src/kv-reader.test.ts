import { describe, expect, it } from "vitest";
import { applyNext, bytes, del, machineWith, put, scanned, text } from "../test/commands.js";

const everyByte = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte));

describe("KvReader", () => {
  it("gets a value, an empty one, and undefined for an absent key", () => {
    const machine = machineWith(put("a", "1"), put("b", ""));
    expect(machine.get(bytes("a"))).toEqual(bytes("1"));
    expect(machine.get(bytes("b"))).toEqual(bytes(""));
    expect(machine.get(bytes("c"))).toBeUndefined();
  });

  it("gets by a string of one character per byte", () => {
    const machine = machineWith(put("k\xff", "1"));
    expect(machine.getByString("k\xff")).toEqual(bytes("1"));
    expect(machine.getByString("k")).toBeUndefined();
  });

  it("tells keys apart by their bytes, also past 0x7f and in length", () => {
    const machine = machineWith(...everyByte.map((byte) => put(byte, `${byte}!`)));
    for (const byte of everyByte) expect(machine.get(bytes(byte))).toEqual(bytes(`${byte}!`));
    expect(machine.get(bytes("a\0"))).toBeUndefined();
  });

  it("gets several values in the order asked for, twice if asked twice", () => {
    const machine = machineWith(put("a", "1"), put("b", "2"));
    const values = machine.getMulti([bytes("b"), bytes("x"), bytes("a"), bytes("b")]);
    expect(values).toEqual([bytes("2"), undefined, bytes("1"), bytes("2")]);
    expect(machine.getMulti([])).toEqual([]);
  });

  it("scans in byte order, which is no alphabet's", () => {
    const shuffled = [...everyByte].sort((a, b) => text(bytes(a)).localeCompare(text(bytes(b))));
    const machine = machineWith(...shuffled.map((byte) => put(byte, "")));
    const order = machine.scanPrefix(new Uint8Array(0)).entries.map(({ key }) => key[0]);
    expect(order).toEqual(Array.from({ length: 256 }, (_, byte) => byte));
  });

  it("answers a scan with the store revision, not with that of the keys found", () => {
    const machine = machineWith(put("a/1", "1"), put("b", "2"), del("nothing"));
    expect(machine.scanPrefix(bytes("a/"))).toMatchObject({ revision: 2, more: false });
    expect(machine.scanPrefix(bytes("x"))).toEqual({ entries: [], revision: 2, more: false });
  });

  it("finds an exact key among those that begin with it", () => {
    const machine = machineWith(put("a", "1"), put("ab", "2"), put("b", "3"), put("", "0"));
    expect(scanned(machine, "a")).toEqual(["a=1", "ab=2"]);
    expect(scanned(machine, "ab")).toEqual(["ab=2"]);
    expect(scanned(machine, "abc")).toEqual([]);
    expect(scanned(machine)).toEqual(["=0", "a=1", "ab=2", "b=3"]);
  });

  it.each([
    { limit: 0, found: [], more: true },
    { limit: 1, found: ["k1="], more: true },
    { limit: 2, found: ["k1=", "k2="], more: true },
    { limit: 3, found: ["k1=", "k2=", "k3="], more: false },
    { limit: 4, found: ["k1=", "k2=", "k3="], more: false },
  ])("cuts a scan off after $limit entries, and says whether there are more", (row) => {
    const machine = machineWith(put("k1", ""), put("k2", ""), put("k3", ""), put("l", ""));
    expect(scanned(machine, "k", row.limit)).toEqual(row.found);
    expect(machine.scanPrefix(bytes("k"), row.limit).more).toBe(row.more);
  });

  it("pages through one state with a view, whatever is written meanwhile", () => {
    const names = everyByte.flatMap((byte) => [`k${byte}`, `k${byte}\0`]);
    const machine = machineWith(...names.map((name) => put(name, "old")));
    const view = machine.view();
    const found: string[] = [];
    for (let more = true, after: Uint8Array | undefined; more; ) {
      const page = view.scanPrefix(bytes("k"), 7, after);
      expect(page.revision).toBe(512);
      for (const { key, value } of page.entries) found.push(`${text(key)}=${text(value)}`);
      ({ more } = page);
      after = page.entries.at(-1)?.key;
      applyNext(machine, put(`k${text(after!)}`, "new"));
      applyNext(machine, put(text(after!), "new"));
      applyNext(machine, del(names.at(-found.length)!));
    }
    expect(found).toEqual(names.map((name) => `${name}=old`));
  });
});

describe("KvView", () => {
  it("stands at the revision and index at which it was taken", () => {
    const machine = machineWith(put("a", "1"), del("x"));
    const view = machine.view();
    const hash = machine.stateHash();
    applyNext(machine, put("a", "2"));
    applyNext(machine, put("b", "3"));
    expect([view.revision, view.lastApplied, view.keys]).toEqual([1, 2, 1]);
    expect(view.getMulti([bytes("a"), bytes("b")])).toEqual([bytes("1"), undefined]);
    expect(view.get(bytes("a"))).toEqual(bytes("1"));
    expect(view.stateHash()).toBe(hash);
    expect(machine.view().stateHash()).toBe(machine.stateHash());
  });

  it("walks whole records from a key on, until told to stop", () => {
    const view = machineWith(put("a", "1"), put("b", "2"), put("c", "3"), put("d", "4")).view();
    const visited: unknown[] = [];
    view.walk((key, record) => visited.push([key, record.modRevision, record.lease]) < 2, "a");
    expect(visited).toEqual([
      ["b", 2, 0],
      ["c", 3, 0],
    ]);
  });
});
