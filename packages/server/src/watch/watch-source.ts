import type { EventVisitor, RevisionEvents } from "@d-engine/kv";

/** What watches are served from: a store and its history. All of it is synchronous. */
export interface WatchSource {
  /** Of the present state. */
  readonly revision: number;
  /** Of every revision from here on, the events are there; older ones are gone (rule R16). */
  readonly oldestEventRevision: number;
  /**
   * Visits the events of the revisions [`from`, `to`) in order, without `to` all from `from` on, until
   * `visit` answers `false`. `from` is no older than `oldestEventRevision`. The source must not
   * change meanwhile.
   */
  events(from: number, to: number | undefined, visit: EventVisitor): void;
  /**
   * Called with all events of a revision when the state holds them, while the command that made them
   * is applied. Those that nobody asks for cost nothing.
   */
  onEvents: ((events: RevisionEvents) => void) | undefined;
  /** Called when another state has taken the place of this one: a snapshot was installed. */
  onReplaced: (() => void) | undefined;
}
