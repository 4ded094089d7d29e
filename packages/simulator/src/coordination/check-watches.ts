import type { KeyRecord, WatchEvent } from "@d-engine/client";
import { shownLease, type TwinEvent, type TwinRecord } from "../twin/twin-record.js";
import { toName } from "../workload/call.js";
import type { SeenWatch } from "./observations.js";

/** What watches are judged by. */
export interface WatchTruth {
  /** Every event that there was, in order. */
  readonly events: readonly TwinEvent[];
  readonly revision: number;
  readonly oldestRevision: number;
}

/** The first thing that is wrong with a watch (W1 to W9), if anything is. */
export function watchFault(watch: SeenWatch, truth: WatchTruth): string | undefined {
  const { startRevision, batches, compactedAt, name } = watch;
  const fault = (rule: string, what: string): string => `${rule}: watch ${name} ${what}`;
  if (compactedAt !== undefined && truth.oldestRevision <= compactedAt + 1) {
    const oldest = truth.oldestRevision;
    return fault("W9", `was told of a gap behind ${compactedAt}, and ${oldest} is the oldest left`);
  }
  if (startRevision === undefined) return undefined;
  const due = truth.events.filter((event) => isWanted(watch, event, startRevision));
  let at = 0;
  let told = 0;
  for (const { revision, events } of batches) {
    if (events.length === 0) return fault("W4", `was given a batch without events at ${revision}`);
    if (revision < told) return fault("W1", `goes back from ${told} to ${revision}`);
    told = revision;
    for (const event of events) {
      const expected = due[at];
      const difference = differenceOf(watch, event, expected);
      if (difference !== undefined) return fault("W1-W3, W7, W8", difference);
      at += 1;
    }
    const [last, next] = [due[at - 1], due[at]];
    if (last!.revision > revision) {
      return fault("W6", `says ${revision}, and has told of ${last!.revision}`);
    }
    if (next !== undefined && next.revision <= revision) {
      return fault("W4", `says ${revision} before ${next.key} of ${next.revision}`);
    }
  }
  const next = due[at];
  if (next !== undefined && next.revision <= watch.revision) {
    return fault("W6", `says that it has told all up to ${watch.revision}, but not ${line(next)}`);
  }
  if (watch.revision > truth.revision && watch.revision >= startRevision) {
    return fault("W6", `is at ${watch.revision}, and there are ${truth.revision} revisions`);
  }
  return undefined;
}

/** What a watch has not told of that it should have by now (W3). */
export function unheardBy(watch: SeenWatch, truth: WatchTruth): TwinEvent | undefined {
  const { startRevision } = watch;
  if (startRevision === undefined) return undefined;
  const heard = watch.batches.reduce((sum, { events }) => sum + events.length, 0);
  return truth.events.filter((event) => isWanted(watch, event, startRevision))[heard];
}

function isWanted({ from, to, only }: SeenWatch, event: TwinEvent, start: number): boolean {
  if (event.revision < start || event.key < from || event.key >= to) return false;
  return only === undefined || only === (event.record === undefined ? "delete" : "put");
}

function differenceOf(
  { previous }: SeenWatch,
  event: WatchEvent,
  expected: TwinEvent | undefined,
): string | undefined {
  const told = `tells of ${event.kind} of ${keyOf(event)} at ${event.revision}`;
  if (expected === undefined) return `${told}, where nothing was to be told`;
  const record = event.kind === "put" ? event.record : undefined;
  const isSame =
    event.revision === expected.revision &&
    keyOf(event) === expected.key &&
    isRecord(record, expected.record) &&
    isRecord(event.previous, previous ? expected.previous : undefined);
  return isSame ? undefined : `${told}, where it was ${line(expected)}`;
}

function isRecord(found: KeyRecord | undefined, record: TwinRecord | undefined): boolean {
  if (found === undefined || record === undefined) return found === record;
  return (
    toName(found.value) === record.value &&
    found.createRevision === record.createRevision &&
    found.modRevision === record.modRevision &&
    found.version === record.version &&
    found.lease === shownLease(record.lease)
  );
}

function keyOf(event: WatchEvent): string {
  return toName(event.kind === "put" ? event.record.key : event.key);
}

function line({ revision, key, record }: TwinEvent): string {
  return `${record === undefined ? "delete" : "put"} of ${key} at ${revision}`;
}
