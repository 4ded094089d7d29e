import { stringToKey } from "@d-engine/codec";
import { type KvEvent, recordValue } from "@d-engine/kv";
import { VirtualClock } from "../../driver/testing/virtual-clock.js";
import type { LocalWatch, WatchSpec } from "../local-watch.js";
import { WatchHub } from "../watch-hub.js";
import { WATCH_DEFAULTS, type WatchOptions } from "../watch-options.js";
import { prefixSpan } from "../watch-span.js";
import { EventLog } from "./event-log.js";

export interface HubParts {
  readonly clock: VirtualClock;
  readonly log: EventLog;
  readonly hub: WatchHub;
}

/** A hub over a plain event log and a virtual clock. */
export function startHub(options: Partial<WatchOptions> = {}): HubParts {
  const clock = new VirtualClock();
  const log = new EventLog();
  const hub = new WatchHub({
    source: log,
    clock,
    options: { ...WATCH_DEFAULTS, ...options },
    keyBytesMax: 100,
  });
  return { clock, log, hub };
}

type Rest = Omit<WatchSpec, "key" | "rangeEnd">;

export function oneKey(key: string, rest: Rest = {}): WatchSpec {
  return { key: stringToKey(key), rangeEnd: undefined, ...rest };
}

export function prefixed(prefix: string, rest: Rest = {}): WatchSpec {
  return { ...prefixSpan(stringToKey(prefix)), ...rest };
}

export function between(from: string, to: string, rest: Rest = {}): WatchSpec {
  return { key: stringToKey(from), rangeEnd: stringToKey(to), ...rest };
}

/** `3 k=v`, `4 k` for a delete, and what was there before in brackets where it is known. */
export function eventText({ revision, key, record, previous }: KvEvent): string {
  const now = record === undefined ? "" : `=${Buffer.from(recordValue(record)).toString()}`;
  const before = previous && ` (${Buffer.from(recordValue(previous)).toString()})`;
  return `${revision} ${key}${now}${before ?? ""}`;
}

/** Everything that can be taken now: batches as lists of events, progress as its revision. */
export function takeAll(watch: LocalWatch, bytesMax?: number): (string[] | number)[] {
  const taken: (string[] | number)[] = [];
  for (let next = watch.take(bytesMax); next !== undefined; next = watch.take(bytesMax)) {
    taken.push(next.kind === "progress" ? next.revision : next.events.map(eventText));
  }
  return taken;
}

/** What the watch ended with, when nothing is left to take. */
export function endOf(watch: LocalWatch): unknown {
  try {
    watch.take();
  } catch (error) {
    return error;
  }
  return undefined;
}
