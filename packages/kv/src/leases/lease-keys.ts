import { invariant } from "@d-engine/core";

/**
 * The keys of each lease, derived from the records. Most leases are those of one put, so a single
 * key is held as itself and not in a set, which saves some hundred bytes for each.
 */
export class LeaseKeys {
  readonly #keys = new Map<number, string | Set<string>>();

  count(id: number): number {
    const keys = this.#keys.get(id);
    if (keys === undefined) return 0;
    return typeof keys === "string" ? 1 : keys.size;
  }

  has(id: number, key: string): boolean {
    const keys = this.#keys.get(id);
    return typeof keys === "string" ? keys === key : keys?.has(key) === true;
  }

  /** Whether `holds` of every key, in no order. */
  every(id: number, holds: (key: string) => boolean): boolean {
    const keys = this.#keys.get(id);
    if (keys === undefined) return true;
    if (typeof keys === "string") return holds(keys);
    for (const key of keys) if (!holds(key)) return false;
    return true;
  }

  /** In byte order: the order of insertion is another one on a replica that was restored. */
  sorted(id: number): string[] {
    const keys = this.#keys.get(id);
    if (keys === undefined) return [];
    return typeof keys === "string" ? [keys] : [...keys].sort();
  }

  /** Does nothing if the lease has the key. */
  add(id: number, key: string): void {
    const keys = this.#keys.get(id);
    if (keys === undefined) this.#keys.set(id, key);
    else if (typeof keys !== "string") keys.add(key);
    else if (keys !== key) this.#keys.set(id, new Set([keys, key]));
  }

  delete(id: number, key: string): void {
    invariant(this.has(id, key), () => `a key leaves lease ${id}, which does not have it`);
    const keys = this.#keys.get(id);
    if (typeof keys !== "string" && keys!.size > 1) keys!.delete(key);
    else this.#keys.delete(id);
  }
}
