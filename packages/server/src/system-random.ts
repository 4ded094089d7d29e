import type { Random } from "@d-engine/core";

/** Chance of a real process. */
export const systemRandom: Random = Object.freeze({ next: () => Math.random() });
