import { isDeepStrictEqual } from "node:util";
import type { Prng } from "./prng.js";

/** One decoder, and what may be said of bytes that it is given. */
export interface FuzzTarget {
  readonly name: string;
  /** Valid inputs, made by our own encoders: what mutations begin with. */
  samples(random: Prng): Promise<readonly Uint8Array[]> | readonly Uint8Array[];
  /** Inputs that are no samples, but worth a beginning. */
  readonly first?: readonly Uint8Array[];
  /** Before the first input, and after the last. */
  open?(): Promise<void> | void;
  close?(): Promise<void> | void;
  /** Takes the input, or throws what `isRefusal` knows. Everything else is a finding. */
  run(input: Uint8Array): Promise<unknown> | unknown;
  isRefusal(error: unknown): boolean;
  /**
   * Inputs in the run that is part of the tests.
   * @defaultValue 1000
   */
  readonly shortRun?: number;
  /**
   * Milliseconds that one input may take.
   * @defaultValue 1000
   */
  readonly msMax?: number;
  /**
   * Bytes that one input may have in memory at a time, besides 64 for each of its own.
   * @defaultValue 8 MiB
   */
  readonly bytesMax?: number;
}

/** What was understood does not survive being written and read again. */
export class MeaningLost extends Error {
  override readonly name = "MeaningLost";
}

/** Encodes what was decoded, and decodes it again: both must mean the same. */
export function keepsMeaning<T>(
  decoded: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): void {
  const again = decode(encode(decoded));
  if (isDeepStrictEqual(plain(again), plain(decoded))) return;
  throw new MeaningLost(`${shown(decoded)} was read back as ${shown(again)}`);
}

/** Views of a larger array, and views of another kind, are equal if their bytes are. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes:${Buffer.from(value).toString("hex")}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map)
    return new Map([...value].map(([key, held]) => [plain(key), plain(held)]));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, held]) => held !== undefined);
  return Object.fromEntries(entries.map(([key, held]) => [key, plain(held)]));
}

function shown(value: unknown): string {
  const text = JSON.stringify(plain(value), (_, held) =>
    typeof held === "bigint" ? `${held}n` : held,
  );
  return text.slice(0, 300);
}
