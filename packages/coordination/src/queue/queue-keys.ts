import type { KeySelection } from "@d-engine/client";
import { EngineError } from "@d-engine/core";
import { recipePrefix } from "../recipe-keys.js";

const placesMax = 1_000_000;

/**
 * Where one queue lies: below the prefix of its recipe
 * - `queue/LIMIT/ID`, one key for each that holds or waits, in the order of their create revisions,
 * - `withdrawn/ID`, for each that went away without knowing whether its key would still come.
 * The limit is a part of the keys, so that one transaction can see whether anybody goes by another.
 */
export class QueueKeys {
  /** As messages call it: `lock "invoices"`. */
  readonly what: string;
  /** How many of the queue hold at the same time: the first so many. */
  readonly limit: number;
  /** The prefix of all keys of the queue. */
  readonly queue: string;
  readonly #prefix: string;

  /** @throws EngineError `INVALID_REQUEST` for a name or a limit that is none */
  constructor(kind: string, name: string, limit: number) {
    this.#prefix = recipePrefix(kind, name);
    this.what = `${kind} ${JSON.stringify(name)}`;
    if (!Number.isInteger(limit) || limit < 1 || limit > placesMax) {
      const what = `the limit of ${this.what} must be an integer from 1 to ${placesMax}`;
      throw new EngineError("INVALID_REQUEST", `${what}, got ${limit}`);
    }
    this.limit = limit;
    this.queue = `${this.#prefix}queue/${limit}/`;
  }

  place(id: string): string {
    return `${this.queue}${id}`;
  }

  withdrawal(id: string): string {
    return `${this.#prefix}withdrawn/${id}`;
  }

  /** The keys of all who go by another limit. */
  get others(): readonly KeySelection[] {
    return [
      { start: `${this.#prefix}queue/`, end: this.queue },
      // A slash is followed by a zero.
      { start: `${this.#prefix}queue/${this.limit}0`, end: `${this.#prefix}queue0` },
    ];
  }

  /** The limit that a key of `others` goes by. */
  limitOf(key: string): string {
    return key.slice(`${this.#prefix}queue/`.length).split("/", 1)[0] ?? "";
  }
}
