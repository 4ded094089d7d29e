import type { KvRecord } from "@d-engine/kv";

/** One change of one key. Events of one revision come from one command, and belong together. */
export interface KvEvent {
  readonly revision: number;
  /** One character for each byte. */
  readonly key: string;
  /** What the key holds since; `undefined`: it was deleted. */
  readonly record: KvRecord | undefined;
  /** What it held before; `undefined`: it did not exist. */
  readonly previous: KvRecord | undefined;
}

/** What watches are served from: a store and its history. All of it is synchronous. */
export interface WatchSource {
  /** Of the present state. Every revision after the first retained one has its events. */
  readonly revision: number;
  /** The events of older revisions are gone (rule R16). */
  readonly oldestRevision: number;
  /**
   * Visits the retained events from revision `from` on, in order; `false` ends the walk. The source
   * must not change meanwhile.
   */
  events(from: number, visit: (event: KvEvent) => boolean): void;
  /** Called with all events of a revision, when the state holds them. Must return soon. */
  onEvents: ((events: readonly KvEvent[]) => void) | undefined;
  /** Called when another state has taken the place of this one: a snapshot was installed. */
  onReplaced: (() => void) | undefined;
}
