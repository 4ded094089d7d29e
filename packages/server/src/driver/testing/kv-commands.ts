import { encodeKvWrite, encodePut, type KvCommand, Slab } from "@d-engine/codec";
import { text, utf8 } from "./commands.js";
import type { RunningKvNode } from "./start-kv-node.js";

const slab = new Slab();

/** The command that sets `key` for so long. */
export function putFor(key: string, value: string, ttlMs: number): Uint8Array {
  return encodePut(slab, utf8(key), utf8(value), ttlMs);
}

export function kv(command: KvCommand): Uint8Array {
  return encodeKvWrite(slab, command);
}

export function grant(id: number, ttlMs: number): Uint8Array {
  return kv({ kind: "leaseGrant", id, ttlMs, session: false });
}

export function keepAlive(id: number): Uint8Array {
  return kv({ kind: "leaseKeepAlive", id });
}

export function putBound(key: string, lease: number): Uint8Array {
  return kv({ kind: "leasePut", key: utf8(key), value: utf8("v"), lease, ttlMs: 0 });
}

/** An event as it happened: of which entry, and when. */
export interface SeenEvent {
  readonly key: string;
  readonly deleted: boolean;
  readonly revision: number;
  readonly index: number;
  readonly atMs: number;
}

/** Writes down the events of a node from now on. */
export function watchEvents({ store, clock }: RunningKvNode): SeenEvent[] {
  const seen: SeenEvent[] = [];
  store.onEvents = (events) => {
    for (const { key, record, revision } of events) {
      const deleted = record === undefined;
      const index = store.lastApplied;
      seen.push({
        key: `${text(Buffer.from(key, "latin1"))}`,
        deleted,
        revision,
        index,
        atMs: clock.nowMs(),
      });
    }
  };
  return seen;
}
