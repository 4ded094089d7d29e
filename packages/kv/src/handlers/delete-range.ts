import type { DeleteRangeCommand, KeySpan } from "@d-engine/codec";
import type { KvStore } from "../kv-store.js";
import { refused } from "../leases/lease-store.js";
import { spanRange } from "../prefix-range.js";
import type { WriteOutcome, WriteRefusal } from "../write-outcome.js";

/** Takes out the keys of a span, in byte order and by one revision; none if there are none. */
export function applyDeleteRange(store: KvStore, command: DeleteRangeCommand): WriteOutcome {
  const refusal = deleteRefusal(store, [command]);
  if (refusal !== undefined) return refused(store, refusal);
  const deleted = removeSpan(store, command);
  store.commit();
  const detail = { kind: "deleted", deleted } as const;
  return { succeeded: true, revision: store.revision, existed: deleted > 0, detail };
}

/** Takes out the keys of a span as a part of a command, which ends the revision; how many. */
export function removeSpan(store: KvStore, span: KeySpan): number {
  const keys: string[] = [];
  // The index must not change while it is walked.
  store.records.walk(spanRange(span), (key) => {
    keys.push(key);
    return true;
  });
  for (const key of keys) {
    const slot = store.find(key);
    if (slot !== undefined) store.remove(slot);
  }
  return keys.length;
}

/** Why one command cannot take out all of the spans; `undefined`: it can. */
export function deleteRefusal(
  { records }: KvStore,
  spans: readonly KeySpan[],
): WriteRefusal | undefined {
  let keys = 0;
  for (const span of spans) {
    records.walk(spanRange(span), () => ++keys <= DELETE_KEYS_MAX);
    if (keys <= DELETE_KEYS_MAX) continue;
    const message =
      `the command would delete more than ${DELETE_KEYS_MAX} keys, which would hold up all others; ` +
      "delete them by several smaller ranges";
    return { code: "INVALID_REQUEST", message };
  }
  return undefined;
}

/** Keys that one command takes out. A constant, as it is looked at when a command is applied. */
export const DELETE_KEYS_MAX = 100_000;
