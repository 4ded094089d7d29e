import { KeyFilter } from "./key-filter.js";
import { RangeIndex } from "./range-index.js";
import type { WatchSpan } from "./watch-span.js";

/**
 * Watches by what they watch. An event costs one look-up of its key, whatever the number of watches
 * of other keys, and a search of the ranges where there are any.
 */
export class WatchIndex<T extends { readonly span: WatchSpan }> {
  readonly #all = new Set<T>();
  /** A single watch of a key, as most are, is held as itself, which saves some hundred bytes. */
  readonly #byKey = new Map<string, T | Set<T>>();
  readonly #keys = new KeyFilter();
  readonly #ranges = new RangeIndex<T>();

  get size(): number {
    return this.#all.size;
  }

  add(watch: T): void {
    if (this.#all.has(watch)) return;
    this.#all.add(watch);
    const { span } = watch;
    if (span.kind === "range") {
      this.#ranges.add(span.from, span.to, watch);
      return;
    }
    const same = this.#byKey.get(span.key);
    if (same === undefined) {
      this.#byKey.set(span.key, watch);
      this.#keys.add(span.key);
    } else if (same instanceof Set) same.add(watch);
    else this.#byKey.set(span.key, new Set([same, watch]));
  }

  delete(watch: T): void {
    if (!this.#all.delete(watch)) return;
    const { span } = watch;
    if (span.kind === "range") {
      this.#ranges.remove(span.from, span.to, watch);
      return;
    }
    const same = this.#byKey.get(span.key);
    if (same instanceof Set && same.size > 1) {
      same.delete(watch);
    } else {
      this.#byKey.delete(span.key);
      this.#keys.delete(span.key);
    }
  }

  /** Calls back with each watch of `key`. The index must not change meanwhile. */
  visit(key: string, visit: (watch: T) => void): void {
    const same = this.#keys.mayHave(key) ? this.#byKey.get(key) : undefined;
    if (same instanceof Set) for (const watch of same) visit(watch);
    else if (same !== undefined) visit(same);
    if (!this.#ranges.isEmpty) this.#ranges.visit(key, visit);
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#all[Symbol.iterator]();
  }
}
