import { CodecError, encodePut, Slab } from "@d-engine/codec";
import {
  isEngineError,
  type LogIndex,
  type MembershipConfiguration,
  type NodeId,
  nodeId,
  type SnapshotRecord,
  type StateMachine,
  type StateSnapshot,
  type Term,
} from "@d-engine/core";
import { KvStateMachine } from "@d-engine/kv";
import { describeStateMachine } from "@d-engine/kv/testing";
import { create, systemSnapshot, toBinary } from "@d-engine/proto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FEATURE_LEVEL } from "../driver/feature-gate.js";
import { REMOVALS_MAX } from "./instance-registry.js";
import { encodeSystemCommand, wrapOpaque } from "./system-command.js";
import { readSystemRecord } from "./system-records.js";
import { SystemStateMachine } from "./system-state-machine.js";

type Machine = SystemStateMachine<unknown>;

const instance = (digit: string) => digit.repeat(32);

function register(id: number, instanceId: string): Uint8Array {
  return encodeSystemCommand({ kind: "registerInstance", nodeId: nodeId(id), instanceId });
}

function put(key: string): Uint8Array {
  return encodePut(new Slab(), new TextEncoder().encode(key), new Uint8Array(3));
}

function configuration(
  index: number,
  ids: readonly number[],
  outgoing?: readonly number[],
): MembershipConfiguration {
  return {
    logId: { term: 1 as Term, index: index as LogIndex },
    members: ids.map((id) => ({ id: nodeId(id), address: `n:${id}`, status: "active" })),
    outgoingVoters: outgoing?.map(nodeId),
  };
}

function applyNext(machine: StateMachine, command: Uint8Array): unknown {
  return machine.apply((machine.lastApplied + 1) as LogIndex, command);
}

/** Applies a change of the members, which is an entry without a command. */
function configure(machine: Machine, ids: readonly number[], outgoing?: readonly number[]): number {
  const index = (machine.lastApplied + 1) as LogIndex;
  machine.skip(index);
  machine.configured(configuration(index, ids, outgoing));
  return index;
}

function newMachine(): Machine {
  return new SystemStateMachine<unknown>(new KvStateMachine(), configuration(0, [1, 2, 3]));
}

function readOut(snapshot: StateSnapshot, bytesMax = 1000): SnapshotRecord[] {
  const records: SnapshotRecord[] = [];
  for (let next = snapshot.next(bytesMax); next.length > 0; next = snapshot.next(bytesMax)) {
    records.push(...next);
  }
  snapshot.release();
  return records;
}

function restoredFrom(records: readonly SnapshotRecord[], lastApplied = 50): Machine {
  const machine = newMachine();
  const restoration = machine.restore!();
  for (const record of records) restoration.add(record);
  restoration.finish(lastApplied as LogIndex);
  return machine;
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describeStateMachine("SystemStateMachine over KvStateMachine", () => ({
  create: newMachine,
  commands: [put("x"), put("y")],
  refused: [new Uint8Array(0), register(1, instance("a"))],
  fingerprint: (machine) => (machine.inner as KvStateMachine).stateHash(),
}));

describe("the feature level of a cluster (rule R14)", () => {
  const raise = (level: number) => encodeSystemCommand({ kind: "raiseLevel", level });

  it("only rises, and is part of the snapshot", () => {
    const machine = newMachine();
    expect(machine.level).toBe(1);
    expect(readOut(machine.snapshot!()).filter(({ key }) => key[0] === 2)).toEqual([]);
    applyNext(machine, raise(2));
    applyNext(machine, raise(1));
    expect(machine.level).toBe(2);
    applyNext(machine, register(3, instance("a")));
    const restored = restoredFrom(readOut(machine.snapshot!()));
    expect(restored.level).toBe(2);
    expect(restored.instanceOf(nodeId(3))).toBe(instance("a"));
  });

  it("is written as the message that says so", () => {
    const machine = newMachine();
    applyNext(machine, raise(2));
    const records = readOut(machine.snapshot!()).filter(({ key }) => key[0] === 2);
    const message = create(systemSnapshot.LevelRecordSchema, { level: 2 });
    const value = toBinary(systemSnapshot.LevelRecordSchema, message);
    expect(records).toEqual([{ key: Uint8Array.of(2, 3), value }]);
  });

  it("stops a node that does not know what may follow", () => {
    const machine = newMachine();
    const error = thrownBy(() => applyNext(machine, raise(FEATURE_LEVEL + 1)));
    expect(isEngineError(error, "VERSION_MISMATCH"), String(error)).toBe(true);
    expect(machine.level).toBe(1);
  });
});

describe("the system's state and the members (rule R13)", () => {
  it("drops the instance of a node that is no member any more, and takes another later", () => {
    const machine = newMachine();
    applyNext(machine, register(3, instance("a")));
    const removedAt = configure(machine, [1, 2]);
    expect(machine.instanceOf(nodeId(3))).toBeUndefined();
    expect(machine.removalOf(nodeId(3), instance("a"))).toBe(removedAt);
    configure(machine, [1, 2, 3]);
    applyNext(machine, register(3, instance("b")));
    expect(machine.instanceOf(nodeId(3))).toBe(instance("b"));
    // The old directory is still told, and the new one is not.
    expect(machine.removalOf(nodeId(3), instance("a"))).toBe(removedAt);
    expect(machine.removalOf(nodeId(3), instance("b"))).toBeUndefined();
    expect(machine.removalOf(nodeId(2), instance("a"))).toBeUndefined();
  });

  it("keeps the instances of the old half until a joint configuration is left", () => {
    const machine = newMachine();
    applyNext(machine, register(3, instance("a")));
    configure(machine, [1], [1, 2, 3]);
    expect(machine.instanceOf(nodeId(3))).toBe(instance("a"));
    const leftAt = configure(machine, [1]);
    expect(machine.removalOf(nodeId(3), instance("a"))).toBe(leftAt);
  });

  it("takes no record of a node that is not a member, or of a removed directory", () => {
    const machine = newMachine();
    applyNext(machine, register(3, instance("a")));
    configure(machine, [1, 2]);
    // Proposed before the removal, applied after it.
    applyNext(machine, register(3, instance("a")));
    applyNext(machine, register(9, instance("c")));
    expect(machine.instanceOf(nodeId(3))).toBeUndefined();
    expect(machine.instanceOf(nodeId(9))).toBeUndefined();
    configure(machine, [1, 2, 3]);
    applyNext(machine, register(3, instance("a")));
    expect(machine.instanceOf(nodeId(3))).toBeUndefined();
  });

  it("forgets the oldest removal beyond its bound, the same on every node", () => {
    const machine = newMachine();
    const ids = Array.from({ length: REMOVALS_MAX + 2 }, (_, i) => i + 10);
    configure(machine, [1, ...ids]);
    for (const id of ids) applyNext(machine, register(id, instance("a")));
    const [first, ...others] = ids;
    configure(machine, [1, ...others]);
    const restored = restoredFrom(readOut(machine.snapshot!()), machine.lastApplied);
    for (const node of [machine, restored]) {
      configure(node, [1]);
      expect(node.removalOf(nodeId(first!), instance("a"))).toBeUndefined();
      // Of those that went with one entry, the lowest.
      expect(node.removalOf(nodeId(others[0]!), instance("a"))).toBeUndefined();
      expect(node.removalOf(nodeId(others[1]!), instance("a"))).toBeDefined();
    }
    expect(readOut(restored.snapshot!())).toEqual(readOut(machine.snapshot!()));
  });

  it("passes the members on to the inner machine", () => {
    const seen: number[] = [];
    const inner = new KvStateMachine() as StateMachine<unknown>;
    inner.configured = ({ logId }) => seen.push(logId.index);
    configure(new SystemStateMachine(inner), [1, 2]);
    expect(seen).toEqual([1]);
  });
});

describe("the system's snapshot", () => {
  function used(): Machine {
    const machine = newMachine();
    applyNext(machine, register(1, instance("a")));
    applyNext(machine, register(3, instance("b")));
    applyNext(machine, put("x"));
    configure(machine, [1, 2]);
    return machine;
  }

  it("has instances and removals before the store, as the generated code writes them", () => {
    const records = readOut(used().snapshot!());
    const removal = create(systemSnapshot.RemovalRecordSchema, {
      instanceId: new Uint8Array(16).fill(0xbb),
      index: 4n,
    });
    const first = create(systemSnapshot.InstanceRecordSchema, {
      instanceId: new Uint8Array(16).fill(0xaa),
    });
    expect(records.slice(0, 2)).toEqual([
      {
        key: Uint8Array.of(2, 1, 0, 0, 0, 1),
        value: toBinary(systemSnapshot.InstanceRecordSchema, first),
      },
      {
        key: Uint8Array.of(2, 2, 0, 0, 0, 3),
        value: toBinary(systemSnapshot.RemovalRecordSchema, removal),
      },
    ]);
    expect(records.slice(2).map(({ key }) => key[0])).toEqual([0x20, 0x21, 0x22, 0x3f]);
  });

  it("brings everything back, and takes in what follows alike (I12)", () => {
    const machine = used();
    const restored = restoredFrom(readOut(machine.snapshot!()), machine.lastApplied);
    for (const node of [machine, restored]) {
      node.configured(configuration(4, [1, 2]));
      expect(node.instanceOf(nodeId(1))).toBe(instance("a"));
      expect(node.instanceOf(nodeId(3))).toBeUndefined();
      expect(node.removalOf(nodeId(3), instance("b"))).toBe(4);
      applyNext(node, register(2, instance("c")));
      applyNext(node, put("y"));
    }
    expect(readOut(restored.snapshot!())).toEqual(readOut(machine.snapshot!()));
  });

  it("is frozen while instances come and go (R16)", () => {
    const machine = used();
    const before = readOut(machine.snapshot!());
    const snapshot = machine.snapshot!();
    applyNext(machine, register(2, instance("d")));
    configure(machine, [2]);
    expect(readOut(snapshot, 1)).toEqual(before);
  });

  it("is unchanged when the inner machine refuses the end", () => {
    const machine = used();
    const restoration = machine.restore!();
    for (const record of readOut(newMachine().snapshot!()).slice(0, 1)) restoration.add(record);
    expect(() => restoration.finish(9 as LogIndex)).toThrow("cut short");
    expect(machine.instanceOf(nodeId(1))).toBe(instance("a"));
  });

  const instanceRecord = (...key: number[]) => ({
    key: Uint8Array.from(key),
    value: Uint8Array.of(0x0a, 16, ...new Uint8Array(16)),
  });
  const levelRecord = (...value: number[]) => ({
    key: Uint8Array.of(2, 3),
    value: Uint8Array.from(value),
  });
  const one = instanceRecord(2, 1, 0, 0, 0, 1);
  const two = instanceRecord(2, 1, 0, 0, 0, 2);
  const store = readOut(new KvStateMachine().snapshot());
  it.each([
    { name: "node 0", records: [instanceRecord(2, 1, 0, 0, 0, 0)] },
    { name: "level 1, which goes without saying", records: [levelRecord(0x08, 1)] },
    { name: "a level of a node", records: [instanceRecord(2, 3, 0, 0, 0, 1)] },
    { name: "a level before an instance", records: [levelRecord(0x08, 2), one] },
    { name: "a short key", records: [instanceRecord(2, 1, 0, 0, 1)] },
    { name: "a bare namespace", records: [instanceRecord(2)] },
    { name: "a short instance", records: [{ ...one, value: Uint8Array.of(0x0a, 1, 7) }] },
    { name: "broken bytes", records: [{ ...one, value: Uint8Array.of(0x0a, 9) }] },
    { name: "a node twice", records: [one, one] },
    { name: "disorder", records: [two, one] },
    { name: "a record behind the store's", records: [...store, one] },
    {
      name: "too many removals",
      records: Array.from({ length: REMOVALS_MAX + 1 }, (_, i) =>
        instanceRecord(2, 2, 0, 0, 1 + (i >> 8), i & 0xff),
      ),
    },
  ])("refuses $name with DATA_CORRUPTION", ({ records }) => {
    const error = thrownBy(() => restoredFrom(records));
    expect(isEngineError(error, "DATA_CORRUPTION"), String(error)).toBe(true);
  });

  it.each([
    { name: "another kind of record", records: [instanceRecord(2, 4, 0, 0, 0, 1)] },
    { name: "a level that it does not know", records: [levelRecord(0x08, FEATURE_LEVEL + 1)] },
    { name: "an unknown field of a level", records: [levelRecord(0x10, 2)] },
    { name: "another namespace", records: [instanceRecord(3)] },
    { name: "an unknown field", records: [{ ...one, value: Uint8Array.of(0x10, 1) }] },
    {
      name: "an unknown namespace of the store",
      records: [...store.slice(0, 1), instanceRecord(0x2f)],
    },
  ])("refuses $name with VERSION_MISMATCH", ({ records }) => {
    const error = thrownBy(() => restoredFrom(records));
    expect(isEngineError(error, "VERSION_MISMATCH"), String(error)).toBe(true);
  });

  it("reads any bytes as a record or refuses them", () => {
    const key = fc.oneof(
      fc.uint8Array({ maxLength: 8 }),
      fc.integer({ min: 0, max: 3 }).map((kind) => Uint8Array.of(2, kind, 0, 0, 0, 1)),
    );
    const value = fc.uint8Array({ maxLength: 24 });
    fc.assert(
      fc.property(key, value, (keyBytes, valueBytes) => {
        const error = thrownBy(() => readSystemRecord({ key: keyBytes, value: valueBytes }));
        expect(error === undefined || isEngineError(error), String(error)).toBe(true);
        expect(error).not.toBeInstanceOf(CodecError);
      }),
    );
  });
});

/** A user's own machine, without anything optional, or with a snapshot of one record. */
class Total implements StateMachine<number> {
  lastApplied = 0 as LogIndex;
  total = 0;
  validate(): void {
    this.total += 0;
  }
  apply(index: LogIndex, command: Uint8Array): number {
    this.lastApplied = index;
    this.total += command.length;
    return this.total;
  }
  skip(index: LogIndex): void {
    this.lastApplied = index;
  }
}

class SavedTotal extends Total {
  readonly #namespace: number;
  constructor(namespace = 0x77) {
    super();
    this.#namespace = namespace;
  }
  snapshot(): StateSnapshot {
    const records = [{ key: Uint8Array.of(this.#namespace), value: Uint8Array.of(this.total) }];
    const { lastApplied } = this;
    return { lastApplied, next: () => records.splice(0), release: () => records.splice(0) };
  }
  restore() {
    let total = 0;
    return {
      add: ({ value }: SnapshotRecord) => {
        total = value[0]!;
      },
      finish: (lastApplied: LogIndex) => {
        this.total = total;
        this.lastApplied = lastApplied;
      },
    };
  }
}

describe("the system around a machine of the users' own", () => {
  it("has no snapshots where the machine has none", () => {
    const machine = new SystemStateMachine(new Total());
    expect("snapshot" in machine || "restore" in machine).toBe(false);
  });

  it("passes its records through as they are", () => {
    const machine = new SystemStateMachine(new SavedTotal());
    applyNext(machine, register(1, instance("a")));
    applyNext(machine, wrapOpaque(new Uint8Array(5)));
    const records = readOut(machine.snapshot!());
    expect(records.slice(1)).toEqual([{ key: Uint8Array.of(0x77), value: Uint8Array.of(5) }]);
    const inner = new SavedTotal();
    const restored = new SystemStateMachine(inner);
    const restoration = restored.restore!();
    for (const record of records) restoration.add(record);
    restoration.finish(2 as LogIndex);
    expect([inner.total, restored.lastApplied]).toEqual([5, 2]);
    expect(restored.instanceOf(1 as NodeId)).toBe(instance("a"));
  });

  it("refuses keys that are not the machine's to use", () => {
    const machine = new SystemStateMachine(new SavedTotal(0x02));
    const error = thrownBy(() => readOut(machine.snapshot!()));
    expect(isEngineError(error, "INVALID_REQUEST"), String(error)).toBe(true);
  });
});
