import type { StorageEngine } from "@d-engine/core";
import type { LogSession } from "./log-session.js";

/** One storage under test, from its first opening to its disposal. */
export interface LogStoreFixture {
  /** The storage as it would be opened now; called anew after each restart. */
  storage(): StorageEngine;
  /** Ends the open storage without warning; `undefined` where that cannot be simulated. */
  readonly crash: (() => void) | undefined;
  /** Removes everything; the storage is closed by then. */
  dispose(): Promise<void>;
}

/** What the parts of the contract work with. */
export interface ContractTools {
  open(): Promise<LogSession>;
  restart(): Promise<LogSession>;
  fixture(): LogStoreFixture;
  /** The session ended by itself. */
  forget(): void;
}
