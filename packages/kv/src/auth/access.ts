import type { KeyRange } from "../prefix-range.js";
import type { AuthPermission } from "./auth-state.js";
import { KeyRanges } from "./key-ranges.js";

/** What a user may do, as it is asked. */
export interface Access {
  /** For messages. */
  readonly name: string;
  /** Whether everything. */
  readonly root: boolean;
  mayRead(range: KeyRange): boolean;
  mayWrite(range: KeyRange): boolean;
}

export class UserAccess implements Access {
  readonly name: string;
  readonly root: boolean;
  readonly #reads: KeyRanges;
  readonly #writes: KeyRanges;

  constructor(name: string, root: boolean, permissions: readonly AuthPermission[]) {
    this.name = name;
    this.root = root;
    this.#reads = new KeyRanges(permissions.filter(({ right }) => right !== "write"));
    this.#writes = new KeyRanges(permissions.filter(({ right }) => right !== "read"));
  }

  mayRead(range: KeyRange): boolean {
    return this.root || this.#reads.covers(range);
  }

  mayWrite(range: KeyRange): boolean {
    return this.root || this.#writes.covers(range);
  }
}

/** Of the program that a node runs in: it could open the data directory as well. */
export const LOCAL_ACCESS: Access = new UserAccess("", true, []);
