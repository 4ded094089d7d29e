import { type KeyRange, lowestByte } from "../prefix-range.js";

/** Ranges of keys, joined where they touch, so that one comparison decides. Never changed. */
export class KeyRanges {
  readonly #ranges: readonly KeyRange[];

  constructor(ranges: Iterable<KeyRange>) {
    this.#ranges = joined(ranges);
  }

  /** Whether every key of `range` is in one of these; of an empty range, the key it begins with. */
  covers({ from: given, to }: KeyRange): boolean {
    // No key is empty: a range from there begins with the smallest that can be.
    const from = given === "" ? lowestByte : given;
    const ranges = this.#ranges;
    let low = 0;
    let high = ranges.length;
    // The last that begins at `from` or before is the only one that can hold it.
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ranges[middle]!.from <= from) low = middle + 1;
      else high = middle;
    }
    const candidate = ranges[low - 1];
    return candidate !== undefined && from < candidate.to && to <= candidate.to;
  }
}

function joined(ranges: Iterable<KeyRange>): KeyRange[] {
  const sorted = [...ranges].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const result: { from: string; to: string }[] = [];
  for (const { from, to } of sorted) {
    if (to <= from) continue;
    const last = result.at(-1);
    if (last === undefined || from > last.to) result.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return result;
}
