import type { AppliedOnce } from "./c2-applied-once.js";

/** C3: what was refused is applied nowhere, ever. Asked at the end of a run. */
export function refusedMeansNoEffect(
  refused: readonly string[],
  applied: AppliedOnce,
): string | undefined {
  for (const attempt of refused) {
    const index = applied.indexOf(attempt);
    if (index !== undefined) return `attempt ${attempt} was refused, but applied at ${index}`;
  }
  return undefined;
}
