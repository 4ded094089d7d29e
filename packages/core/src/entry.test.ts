import { describe, expect, it } from "vitest";
import { type Entry, entryBytes, NOOP } from "./entry.js";
import { logIndex, nodeId, term } from "./ids.js";

const entryWith = (payload: Entry["payload"]): Entry => ({
  index: logIndex(1),
  term: term(1),
  payload,
});

describe("entryBytes", () => {
  it("counts a command by its bytes and an allowance for the frame", () => {
    const empty = entryBytes(entryWith({ kind: "command", command: new Uint8Array(0) }));
    const full = entryBytes(entryWith({ kind: "command", command: new Uint8Array(500) }));
    expect(empty).toBeGreaterThan(0);
    expect(full - empty).toBe(500);
  });

  it("counts a noop as an empty command, and more for a configuration", () => {
    const change = { kind: "removeNode", nodeId: nodeId(1) } as const;
    const noop = entryBytes(entryWith(NOOP));
    expect(noop).toBe(entryBytes(entryWith({ kind: "command", command: new Uint8Array(0) })));
    expect(entryBytes(entryWith({ kind: "config", change }))).toBeGreaterThan(noop);
  });
});
