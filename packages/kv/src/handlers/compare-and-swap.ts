import { type CompareAndSwapCommand, keyToString } from "@d-engine/codec";
import { compareBytes } from "../compare-bytes.js";
import type { KvStore } from "../kv-store.js";
import { type KvRecord, recordValue } from "../record.js";
import type { WriteOutcome } from "../write-outcome.js";

/**
 * Sets the key if it holds exactly the expected bytes; no expected value asks that it be absent,
 * which a key with an empty value is not. Matched, it is a put in every respect (rule R15);
 * otherwise it changes nothing.
 */
export function applyCompareAndSwap(store: KvStore, command: CompareAndSwapCommand): WriteOutcome {
  const key = keyToString(command.key);
  const slot = store.find(key);
  const succeeded = matches(slot?.record, command.expected);
  if (succeeded) store.set(key, slot, command.value, 0, command.value.length);
  store.commit();
  return { succeeded, revision: store.revision, existed: slot !== undefined };
}

function matches(record: KvRecord | undefined, expected: Uint8Array | undefined): boolean {
  if (record === undefined || expected === undefined) return record === expected;
  const actual = recordValue(record);
  return actual.length === expected.length && compareBytes(actual, expected) === 0;
}
