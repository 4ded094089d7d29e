import type { KeyRecord, Watch, WatchEvent, WatchOptions } from "@d-engine/client";
import { type KeySpan, stringToKey } from "@d-engine/codec";
import type { Clock } from "@d-engine/core";
import { type KvEvent, type KvRecord, recordValue, visibleLease } from "@d-engine/kv";
import { RemoteWatch } from "../../../client/src/watch/remote-watch.js";
import type { LocalWatch, WatchMessage, WatchSpec } from "../../../server/src/watch/local-watch.js";

export interface BedWatchSetup {
  readonly open: (spec: WatchSpec) => LocalWatch;
  readonly clock: Clock;
  readonly isCut: () => boolean;
  readonly onEnd: (watch: BedWatch) => void;
}

/** Milliseconds that it takes to open a watch, to try again, and that a message takes. */
const latencyMs = 1;
const retryMs = 100;

/**
 * The watch that the remote client hands out, fed by the one that the server has: a stream between
 * them that brings nothing while the client is cut off, and goes on where it was.
 */
export class BedWatch {
  readonly reader: Watch;
  readonly #remote: RemoteWatch;
  readonly #setup: BedWatchSetup;
  #local: LocalWatch | undefined;
  #isOver = false;

  constructor(span: KeySpan, options: WatchOptions, setup: BedWatchSetup) {
    this.#setup = setup;
    this.#remote = new RemoteWatch(span, options, {
      park: () => this.#local?.close(),
      resume: () => this.#connect(),
      release: () => this.#end(),
    });
    this.reader = this.#remote;
    this.#after(latencyMs, () => this.#connect());
  }

  /** Reads on, if it may. */
  pump(): void {
    const local = this.#local;
    if (local === undefined || this.#setup.isCut()) return;
    try {
      for (let message = local.take(); message !== undefined; message = local.take()) {
        const arrived = message;
        this.#after(latencyMs, () => this.#deliver(local, arrived));
      }
    } catch (error) {
      this.#local = undefined;
      if (isLasting(error)) this.break(error);
      else this.#after(retryMs, () => this.#connect());
    }
  }

  /** The end that the reader is told; `undefined`: the client was closed. */
  break(error: unknown): void {
    this.#remote.fail(error);
  }

  #connect(): void {
    if (this.#isOver) return;
    if (this.#setup.isCut()) {
      this.#after(retryMs, () => this.#connect());
      return;
    }
    const created = this.#remote.creation(1);
    if (created.kind !== "create") return;
    const { key, rangeEnd, startRevision, previous, noPut, noDelete } = created;
    const rest = { startRevision, prevKv: previous, noPut, noDelete, progress: true };
    try {
      this.#local = this.#setup.open({ key, rangeEnd, ...rest });
    } catch (error) {
      if (isLasting(error)) this.break(error);
      else this.#after(retryMs, () => this.#connect());
      return;
    }
    this.#local.onReadable = () => this.pump();
    this.#remote.take({ kind: "created", id: 1, revision: this.#local.revision });
    this.pump();
  }

  /** A message of a stream that is no more does not arrive; the next one repeats it. */
  #deliver(local: LocalWatch, message: WatchMessage): void {
    if (local !== this.#local || this.#isOver) return;
    if (this.#setup.isCut()) {
      local.close();
      this.#local = undefined;
      this.#after(retryMs, () => this.#connect());
      return;
    }
    const { revision } = message;
    if (message.kind === "progress") {
      this.#remote.take({ kind: "progress", id: 1, revision });
      return;
    }
    const events = message.events.map(watchEventOf);
    this.#remote.take({ kind: "events", id: 1, events, revision, bytes: 100 * events.length });
  }

  #end(): void {
    this.#isOver = true;
    this.#local?.close();
    this.#setup.onEnd(this);
  }

  #after(delayMs: number, run: () => void): void {
    this.#setup.clock.setTimer(delayMs, run);
  }
}

/** What another node, or the same one later, would say too. */
function isLasting(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code !== "CLUSTER_UNAVAILABLE" && code !== "WATCH_BUFFER_OVERFLOW";
}

function watchEventOf({ key: text, revision, record, previous }: KvEvent): WatchEvent {
  const key = stringToKey(text);
  const before = previous && keyRecordOf(key, previous);
  if (record === undefined) return { kind: "delete", revision, key, previous: before };
  return { kind: "put", revision, record: keyRecordOf(key, record), previous: before };
}

function keyRecordOf(key: Uint8Array, record: KvRecord): KeyRecord {
  const { createRevision, modRevision, version } = record;
  const value = new Uint8Array(recordValue(record));
  return { key, value, createRevision, modRevision, version, lease: visibleLease(record.lease) };
}
