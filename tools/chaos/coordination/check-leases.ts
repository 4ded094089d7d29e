import type { LeasedKey } from "./sighting.js";

/**
 * Whether a key went before its time (T1): its time counts from a moment after the last renewal was
 * sent, so nobody may miss it before `ttlMs` after that.
 */
export function checkLeases(keys: readonly LeasedKey[]): string[] {
  return keys.flatMap(({ who, key, ttlMs, renewedNs, goneNs }) => {
    const lastedMs = (goneNs - renewedNs) / 1e6;
    if (lastedMs >= ttlMs) return [];
    const what = `was gone ${lastedMs.toFixed(1)} ms after it was renewed for ${ttlMs} ms`;
    return [`${who}: ${key} ${what}`];
  });
}
