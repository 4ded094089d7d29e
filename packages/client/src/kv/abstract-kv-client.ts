import type { KvCommand, KvQuery, KvQueryResult } from "@d-engine/codec";
import { EngineError } from "@d-engine/core";
import { AbstractEngineClient } from "../abstract-engine-client.js";
import type { CallOptions, ReadOptions } from "../engine-client.js";
import { type KeySelection, spanOf } from "../key-selection.js";
import type { Watch, WatchOptions } from "../watch/watch-types.js";
import type { KvOperations } from "./kv-operations.js";
import type { KvOutcome, KvPort } from "./kv-port.js";
import { type KeyRange, keyRangeOf, nextPage, type RangeOptions, rangeQuery } from "./range.js";
import { Txn } from "./txn.js";

/** The store's own operations over two primitives and the watch, so that no client differs in them. */
export abstract class AbstractKvClient
  extends AbstractEngineClient
  implements KvOperations, KvPort
{
  abstract execute(command: KvCommand, options?: CallOptions): Promise<KvOutcome>;
  abstract query(query: KvQuery, options?: ReadOptions): Promise<KvQueryResult>;
  abstract watch(selection: KeySelection, options?: WatchOptions): Watch;

  async range(selection: KeySelection, options: RangeOptions = {}): Promise<KeyRange> {
    const result = await this.query(rangeQuery(selection, options), options);
    if (result.kind === "range") return keyRangeOf(result);
    throw new EngineError("INVALID_RESPONSE", "a range read was answered with something else");
  }

  async *pages(
    selection: KeySelection,
    options: RangeOptions = {},
  ): AsyncGenerator<KeyRange, undefined> {
    let query = options.countOnly ? undefined : rangeQuery(selection, options);
    if (query === undefined) {
      throw new EngineError("INVALID_REQUEST", "a count has no pages; use range with countOnly");
    }
    while (query !== undefined) {
      const result: KvQueryResult = await this.query(query, options);
      if (result.kind !== "range") {
        throw new EngineError("INVALID_RESPONSE", "a range read was answered with something else");
      }
      const page = keyRangeOf(result);
      yield page;
      query = nextPage(query, page);
    }
  }

  txn(): Txn {
    return new Txn(this);
  }

  async deleteRange(selection: KeySelection, options?: CallOptions): Promise<number> {
    const { detail } = await this.execute({ kind: "deleteRange", ...spanOf(selection) }, options);
    if (detail?.kind === "deleted") return detail.deleted;
    throw new EngineError("INVALID_RESPONSE", "a delete was answered without a count", {
      outcome: "unknown",
    });
  }

  async compact(revision: number, options?: CallOptions): Promise<void> {
    if (!Number.isSafeInteger(revision) || revision < 1) {
      const what = `the revision must be an integer, 1 or more, got ${revision}`;
      throw new EngineError("INVALID_REQUEST", what);
    }
    await this.execute({ kind: "compact", revision }, options);
  }
}
