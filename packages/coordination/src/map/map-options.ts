import { EngineError } from "@d-engine/core";
import type { Check, Codec } from "./codec.js";

/** Options of `map`. */
export interface MapOptions<T> {
  /**
   * How values become bytes.
   * @defaultValue JSON
   */
  readonly codec?: Codec;
  /** What a value must be: a function that makes it so or throws, or a schema with `parse`. */
  readonly check?: Check<T>;
  /**
   * Told of each stored value that cannot be decoded or fails the check, and of each key that is no
   * text. The map goes on; what this throws is dropped.
   */
  readonly onInvalid?: (entry: InvalidEntry) => void;
  /**
   * Keys under the prefix beyond which the map ends with `RATE_LIMITED`: part of the keys would look
   * like all of them.
   * @defaultValue 10000
   */
  readonly entriesMax?: number;
  /**
   * Bytes of keys and values likewise.
   * @defaultValue 67108864 (64 MiB)
   */
  readonly bytesMax?: number;
  /** Ends the map: reads throw its reason then. */
  readonly signal?: AbortSignal;
}

/** A stored value that is not what the map may show. */
export interface InvalidEntry {
  /** The key without the prefix. */
  readonly key: string;
  /** The write that made it so. */
  readonly revision: number;
  /** What the codec or the check has thrown. */
  readonly error: unknown;
}

/** The defaults of `MapOptions`. */
export const MAP_DEFAULTS = Object.freeze({ entriesMax: 10_000, bytesMax: 67_108_864 });

/** A bound that was given, or its default; `INVALID_REQUEST` for anything but a positive integer. */
export function positive(name: string, given: number | undefined, byDefault: number): number {
  const value = given ?? byDefault;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new EngineError("INVALID_REQUEST", `${name} must be an integer, 1 or more, got ${given}`);
}
