import { encodeDelete, encodePut, Slab } from "@d-engine/codec";
import { type LogIndex, nodeId, type StateMachine } from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { client, create, toBinary } from "@d-engine/proto";
import { describe, expect, it } from "vitest";
import { decodeSystemCommand, encodeSystemCommand, isSystemCommand } from "./system-command.js";
import { SystemStateMachine } from "./system-state-machine.js";

/** Counts what it is given. */
class Counting implements StateMachine<number> {
  lastApplied = 0 as LogIndex;
  commands = 0;
  validate(): void {
    this.commands += 0;
  }
  apply(index: LogIndex): number {
    this.lastApplied = index;
    this.commands += 1;
    return this.commands;
  }
  skip(index: LogIndex): void {
    this.lastApplied = index;
  }
}

const register = (id: number, digit: string) =>
  encodeSystemCommand({
    kind: "registerInstance",
    nodeId: nodeId(id),
    instanceId: digit.repeat(32),
  });
const bytes = (text: string) => new TextEncoder().encode(text);

describe("isSystemCommand", () => {
  it("tells the system's commands from every operation of a client", () => {
    expect(isSystemCommand(register(1, "a"))).toBe(true);
    expect(isSystemCommand(encodePut(new Slab(), bytes("k"), bytes("v")))).toBe(false);
    expect(isSystemCommand(encodeDelete(new Slab(), bytes("k")))).toBe(false);
    const cas = create(client.WriteCommandSchema, {
      operation: { case: "compareAndSwap", value: { key: bytes("k"), newValue: bytes("v") } },
    });
    expect(isSystemCommand(toBinary(client.WriteCommandSchema, cas))).toBe(false);
    const mark = { id: 1n, sequence: 1n, acknowledged: 0n };
    for (const begun of [
      create(client.WriteCommandSchema, { operation: { case: "kvCommand", value: bytes("x") } }),
      create(client.WriteCommandSchema, { session: mark }),
      create(client.WriteCommandSchema, { stampMs: 7n }),
    ]) {
      expect(isSystemCommand(toBinary(client.WriteCommandSchema, begun))).toBe(false);
    }
    expect(isSystemCommand(encodeSystemCommand({ kind: "raiseLevel", level: 2 }))).toBe(true);
    expect(isSystemCommand(new Uint8Array(0))).toBe(false);
    expect(isSystemCommand(new Uint8Array([0xa2]))).toBe(false);
  });
});

describe("SystemStateMachine", () => {
  it("keeps the first instance of a node, and hides the command from the store (R13)", () => {
    const inner = new Counting();
    const machine = new SystemStateMachine(inner);
    machine.apply(1 as LogIndex, register(2, "a"));
    machine.apply(2 as LogIndex, register(2, "b"));
    expect(machine.instanceOf(nodeId(2))).toBe("a".repeat(32));
    expect(machine.instanceOf(nodeId(3))).toBeUndefined();
    expect(inner.commands).toBe(0);
    expect(machine.lastApplied).toBe(2);
  });

  it("passes everything else on", () => {
    const inner = new Counting();
    const machine = new SystemStateMachine(inner);
    expect(machine.apply(1 as LogIndex, encodePut(new Slab(), bytes("k"), bytes("v")))).toBe(1);
    machine.skip(2 as LogIndex);
    expect(inner.lastApplied).toBe(2);
  });

  it("refuses what a client sends in the shape of a system command, and would be executed as one", () => {
    const machine = new SystemStateMachine(new KvStateMachine());
    const disguised = new Uint8Array([
      ...register(2, "a"),
      ...encodePut(new Slab(), bytes("k"), bytes("v")),
    ]);
    expect(isSystemCommand(disguised)).toBe(true);
    expect(() => machine.validate(disguised)).toThrow("begins like one of the system's");
  });

  it("stops at a system command of a later version instead of skipping it", () => {
    const unknown = new Uint8Array([0xea, 0x06, 0x00]); // field 109
    expect(isSystemCommand(unknown)).toBe(true);
    expect(() => decodeSystemCommand(unknown)).toThrow("install a newer version");
  });
});
