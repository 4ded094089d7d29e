import { stampOf } from "@d-engine/codec";
import type { StampSource } from "./cluster-time.js";

/** What the driver of a key-value store needs to follow the time of the cluster (rule R15). */
export function kvStamps(store: { readonly lastStampMs: number }): StampSource {
  return {
    stampOf,
    get lastStampMs() {
      return store.lastStampMs;
    },
  };
}
