import type { ConfigOrigin } from "./config-error.js";
import type { KeyMeaning } from "./find-key.js";

/** One value as a source gave it. */
export interface Given {
  /** The setting as the source calls it. */
  readonly key: string;
  /** As a file would call it, by which a name is suggested for an unknown one. */
  readonly path: string;
  readonly raw: unknown;
  /** Whether the source knows nothing but text. */
  readonly text: boolean;
  readonly origin: ConfigOrigin;
  /** For people: where it was given. */
  readonly source: string;
  readonly meaning: KeyMeaning;
}
