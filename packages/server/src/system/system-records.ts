import { CodecError, newerVersion, Reader, refuseUnknownField, Writer } from "@d-engine/codec";
import {
  EngineError,
  type LogIndex,
  type NodeId,
  SNAPSHOT_NAMESPACE,
  type SnapshotRecord,
} from "@d-engine/core";
import type { InstanceRegistry } from "./instance-registry.js";
import { fromHex, toHex } from "./system-command.js";

/**
 * The system's records in a snapshot. Keys are the namespace, a byte for the kind and the node id
 * in four bytes, highest first, which that of the level lacks; values the messages of `d_engine.system.v1`.
 */
export type SystemRecord =
  | { readonly kind: "level"; readonly level: number }
  | { readonly kind: "instance"; readonly nodeId: NodeId; readonly instanceId: string }
  | {
      readonly kind: "removal";
      readonly nodeId: NodeId;
      readonly instanceId: string;
      readonly index: LogIndex;
    };

const namespace = SNAPSHOT_NAMESPACE.system;
const kinds = { instance: 1, removal: 2, level: 3 } as const;
const levelKeyBytes = 2;
const levelTag = 0x08;
const keyBytes = 6;
const instanceBytes = 16;
const instanceTag = 0x0a;
const indexTag = 0x10;

/** All of a registry, in the order of the keys. */
export function systemRecords(registry: InstanceRegistry): readonly SnapshotRecord[] {
  const instances = registry.instances.map(([id, instanceId]) => ({
    key: keyOf(kinds.instance, id),
    value: recordValue(instanceId, 0),
  }));
  const removals = registry.removals.map(([id, { instanceId, index }]) => ({
    key: keyOf(kinds.removal, id),
    value: recordValue(instanceId, index),
  }));
  return [...instances, ...removals, ...levelRecords(registry.level)];
}

/** None at level 1, which versions that know no other can read. */
function levelRecords(level: number): readonly SnapshotRecord[] {
  if (level === 1) return [];
  const writer = new Writer();
  writer.uint64Field(levelTag, level, "LevelRecord.level");
  const key = Uint8Array.of(namespace, kinds.level);
  return [{ key, value: writer.finish().slice() }];
}

/**
 * @throws EngineError `VERSION_MISMATCH` for a kind or a field of a newer version,
 *   `DATA_CORRUPTION` for anything else that is no record of the system
 */
export function readSystemRecord({ key, value }: SnapshotRecord): SystemRecord {
  const kind = key[1];
  if (key[0] !== namespace || kind === undefined) corrupt("has a key of its namespace alone");
  if (kind !== kinds.instance && kind !== kinds.removal && kind !== kinds.level) {
    throw newerVersion(`the snapshot has a record of the system's of kind ${kind}`);
  }
  if (kind === kinds.level) return readLevel(key, value);
  if (key.length !== keyBytes) corrupt(`has a key of ${key.length} bytes instead of ${keyBytes}`);
  const id = new DataView(key.buffer, key.byteOffset, keyBytes).getUint32(2);
  if (id === 0) corrupt("is of node 0");
  const nodeId = id as NodeId;
  const { instanceId, index } = readValue(value, kind === kinds.removal);
  if (kind === kinds.instance) return { kind: "instance", nodeId, instanceId };
  return { kind: "removal", nodeId, instanceId, index };
}

function readLevel(key: Uint8Array, value: Uint8Array): SystemRecord {
  if (key.length !== levelKeyBytes) {
    corrupt(`has a key of ${key.length} bytes instead of ${levelKeyBytes}`);
  }
  const level = reading("LevelRecord", () => {
    const reader = new Reader(value);
    let read = 0;
    while (reader.hasMore()) {
      const tag = reader.tag("LevelRecord");
      if (tag === levelTag) read = reader.uint64("LevelRecord.level");
      else refuseUnknownField(reader, "LevelRecord", tag, tag >>> 3 <= 1);
    }
    return read;
  });
  if (level < 2) corrupt(`is of level ${level}`);
  return { kind: "level", level };
}

function keyOf(kind: number, id: NodeId): Uint8Array {
  const key = new Uint8Array(keyBytes);
  key[0] = namespace;
  key[1] = kind;
  new DataView(key.buffer).setUint32(2, id);
  return key;
}

function recordValue(instanceId: string, index: number): Uint8Array {
  const writer = new Writer();
  writer.byte(instanceTag);
  writer.varint(instanceBytes);
  writer.raw(fromHex(instanceId));
  writer.uint64Field(indexTag, index, "RemovalRecord.index");
  return writer.finish().slice();
}

function readValue(
  value: Uint8Array,
  isRemoval: boolean,
): { readonly instanceId: string; readonly index: LogIndex } {
  const message = isRemoval ? "RemovalRecord" : "InstanceRecord";
  return reading(message, () => {
    const reader = new Reader(value);
    let instance = new Uint8Array(0) as Uint8Array;
    let index = 0;
    while (reader.hasMore()) {
      const tag = reader.tag(message);
      if (tag === instanceTag) instance = reader.byteField(`${message}.instance_id`);
      else if (tag === indexTag && isRemoval) index = reader.uint64(`${message}.index`);
      else refuseUnknownField(reader, message, tag, tag >>> 3 <= (isRemoval ? 2 : 1));
    }
    if (instance.length !== instanceBytes) {
      corrupt(`has an instance of ${instance.length} bytes instead of ${instanceBytes}`);
    }
    return { instanceId: toHex(instance), index: index as LogIndex };
  });
}

function reading<T>(message: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof CodecError)) throw cause;
    return corrupt(`cannot be read as ${message}: ${cause.message}`, cause);
  }
}

function corrupt(what: string, cause?: unknown): never {
  const options = cause === undefined ? {} : { cause };
  const message = `a record of the system's in the snapshot ${what}`;
  throw new EngineError("DATA_CORRUPTION", message, options);
}
