import {
  type KeyRecord,
  sessionNumberOf,
  type WatchEvent,
  type WatchInput,
  type WatchOutput,
} from "@d-engine/client";
import { stringToKey } from "@d-engine/codec";
import { assertNever, isEngineError } from "@d-engine/core";
import { type KvEvent, type KvRecord, recordValue, visibleLease } from "@d-engine/kv";
import {
  concernsWatch,
  type KvNode,
  type LocalWatch,
  type WatchMessage,
} from "@d-engine/server/driver";
import type { NodeEnd, NodeLink } from "./network-stream.js";

type Creation = Extract<WatchInput, { readonly kind: "create" }>;

/** Messages that may wait for the client before nothing more is taken from the watches. */
const untakenMax = 8;
/** Bytes of keys and values that go into one message, unless a single revision has more. */
const messageBytesMax = 8 * 1024;

/** Many watches over one stream, as `KvService.Watch` serves them, but for the bytes. */
export function serveWatches(kv: KvNode, link: NodeLink<WatchOutput>): NodeEnd<WatchInput> {
  return new ServedWatches(kv, link);
}

class ServedWatches implements NodeEnd<WatchInput> {
  readonly #kv: KvNode;
  readonly #link: NodeLink<WatchOutput>;
  readonly #watches = new Map<number, LocalWatch>();
  /** Ids of watches that may have something. */
  readonly #readable = new Set<number>();
  #untaken = 0;

  constructor(kv: KvNode, link: NodeLink<WatchOutput>) {
    this.#kv = kv;
    this.#link = link;
  }

  receive(input: WatchInput): void {
    switch (input.kind) {
      case "create":
        this.#create(input);
        break;
      case "cancel":
        this.#cancel(input.id);
        break;
      case "progress":
        this.#watches.get(input.id)?.requestProgress();
        break;
      default:
        assertNever(input);
    }
  }

  closed(): void {
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  #create({ id, previous, kind: _, ...wanted }: Creation): void {
    let watch: LocalWatch;
    try {
      watch = this.#kv.watch({ ...wanted, prevKv: previous, progress: true, needsLeader: true });
    } catch (error) {
      this.#fail(id, error);
      return;
    }
    this.#watches.set(id, watch);
    this.#send({ kind: "created", id, revision: watch.revision });
    watch.onReadable = () => {
      this.#readable.add(id);
      this.#pump();
    };
    watch.onReadable();
  }

  #cancel(id: number): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    watch.close();
    this.#send({ kind: "canceled", id, code: 0, message: "" });
  }

  /** What concerns one watch is told of it; everything else ends the stream. */
  #fail(id: number, error: unknown): void {
    if (!isEngineError(error)) throw error;
    this.#watches.delete(id);
    const { code, message } = error;
    if (!concernsWatch(error)) this.#link.end({ kind: "refused", code, message });
    else this.#send({ kind: "canceled", id, code: sessionNumberOf(code), message });
  }

  #send(output: WatchOutput): void {
    this.#untaken += 1;
    this.#link.send(output, () => {
      this.#untaken -= 1;
      this.#pump();
    });
  }

  /** Watches take turns, as fast as the client takes what they have, and no faster. */
  #pump(): void {
    for (const id of this.#readable) {
      if (this.#untaken >= untakenMax) return;
      // What has more stands at the end again.
      this.#readable.delete(id);
      const watch = this.#watches.get(id);
      if (watch !== undefined && this.#move(id, watch)) this.#readable.add(id);
    }
  }

  #move(id: number, watch: LocalWatch): boolean {
    let message: WatchMessage | undefined;
    try {
      message = watch.take(messageBytesMax);
    } catch (error) {
      this.#fail(id, error);
      return false;
    }
    if (message === undefined) return false;
    this.#send(outputOf(id, message));
    return true;
  }
}

function outputOf(id: number, message: WatchMessage): WatchOutput {
  const { revision } = message;
  if (message.kind === "progress") return { kind: "progress", id, revision };
  const events = message.events.map(eventOf);
  return { kind: "events", id, revision, events, bytes: 1 };
}

/** Bytes are copied, as by a network. */
function eventOf({ revision, key, record, previous }: KvEvent): WatchEvent {
  const before = previous === undefined ? undefined : recordOf(key, previous);
  if (record === undefined) {
    return { kind: "delete", revision, key: stringToKey(key), previous: before };
  }
  return { kind: "put", revision, record: recordOf(key, record), previous: before };
}

function recordOf(key: string, record: KvRecord): KeyRecord {
  const { createRevision, modRevision, version } = record;
  const lease = visibleLease(record.lease);
  const value = recordValue(record).slice();
  return { key: stringToKey(key), value, createRevision, modRevision, version, lease };
}
