import type { KvPair, RangeQuery, RangeResult } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import type { ReadOptions } from "../engine-client.js";
import { type KeySelection, spanOf } from "../key-selection.js";
import type { KeyRecord } from "../watch/watch-types.js";

/** Which part of the selected keys a range read wants, and what of them. */
export interface RangeShape {
  /**
   * Keys at most; the answer says whether there are `more`.
   * @defaultValue as many as an answer holds
   */
  readonly limit?: number;
  /**
   * By key bytes.
   * @defaultValue "ascending"
   */
  readonly order?: "ascending" | "descending";
  /** Leaves the values out: they are empty. */
  readonly keysOnly?: boolean;
  /** Leaves the keys out too: only `count` is of interest. */
  readonly countOnly?: boolean;
}

/** Options of `range`. */
export interface RangeOptions extends RangeShape, ReadOptions {
  /**
   * The store as it was after this revision; `COMPACTED` when that is no longer kept.
   * @defaultValue the present one
   */
  readonly revision?: number;
}

/** What a range read resolves to: all of one revision. */
export interface KeyRange {
  readonly entries: readonly KeyRecord[];
  /** Keys in the selection, whatever the limit. */
  readonly count: number;
  /** Whether the limit, or the bound of an answer, has cut it off. */
  readonly more: boolean;
  /** The revision that was read. */
  readonly revision: number;
}

/** @throws EngineError `INVALID_REQUEST` for a limit or revision that is none */
export function rangeQuery(
  selection: KeySelection,
  options: RangeShape & { readonly revision?: number } = {},
): RangeQuery {
  const { limit, revision, order = "ascending", keysOnly = false, countOnly = false } = options;
  if (order !== "ascending" && order !== "descending") {
    throw new EngineError("INVALID_REQUEST", `order is ascending or descending, got ${order}`);
  }
  return {
    kind: "range",
    ...spanOf(selection),
    limit: atLeastOne(limit, "limit"),
    revision: atLeastOne(revision, "revision"),
    keysOnly,
    countOnly,
    descending: order === "descending",
  };
}

/** A number of its own sense, or 0 for none. */
function atLeastOne(given: number | undefined, name: string): number {
  if (given === undefined) return 0;
  if (Number.isSafeInteger(given) && given >= 1) return given;
  throw new EngineError("INVALID_REQUEST", `${name} must be an integer, 1 or more, got ${given}`);
}

/** What was read, in bytes that belong to the caller. */
export function keyRangeOf({ entries, count, more, revision }: RangeResult): KeyRange {
  return { entries: entries.map(recordOf), count, more, revision };
}

function recordOf(pair: KvPair): KeyRecord {
  return { ...pair, key: new Uint8Array(pair.key), value: new Uint8Array(pair.value) };
}

/**
 * The question for what follows `page`, on the revision of that; `undefined` when nothing does.
 */
export function nextPage(query: RangeQuery, page: KeyRange): RangeQuery | undefined {
  const last = page.entries.at(-1);
  if (!page.more || last === undefined) return undefined;
  const { revision } = page;
  if (query.descending) return { ...query, rangeEnd: last.key, revision };
  const key = new Uint8Array(last.key.length + 1); // the next key there can be
  key.set(last.key);
  return { ...query, key, revision };
}
