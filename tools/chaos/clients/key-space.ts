import type { Prng } from "@d-engine/simulator";

/** Keys in use at a time: few, so that clients meet. */
const keysPerEpoch = 8;
/** A key has about as many operations as the checker orders at ease. */
const epochNs = 20e9;
/** How often a client looks back at what was written before. */
const olderShare = 0.05;

/** The keys of a run: everybody uses the same few for a while, then moves on to others. */
export function drawKey(atNs: number, random: Prng): string {
  const now = Math.floor(atNs / epochNs);
  const epoch = now > 0 && random.chance(olderShare) ? random.between(0, now - 1) : now;
  return `chaos/${epoch}/${random.between(1, keysPerEpoch)}`;
}

/** Every key that may have been written until then. */
export function keysUntil(atNs: number): string[] {
  const epochs = Math.floor(atNs / epochNs) + 1;
  return Array.from({ length: epochs * keysPerEpoch }, (_, at) => {
    const epoch = Math.floor(at / keysPerEpoch);
    return `chaos/${epoch}/${(at % keysPerEpoch) + 1}`;
  });
}
