/** Bounds of the watches of one node. */
export interface WatchOptions {
  /** Most watches that are open at once; more are refused `RATE_LIMITED`. */
  readonly watchesMax: number;
  /**
   * Most events that one watch may have unread; with more it ends with `WATCH_BUFFER_OVERFLOW`. The
   * events of a single revision are let in whatever their number, so that a watch that goes on
   * from there gets past them.
   */
  readonly watchEventsMax: number;
  /** Most bytes of keys and values, previous ones included, that one watch may have unread. */
  readonly watchBytesMax: number;
  /** Events of the history that are read, or handed out, before others get their turn. */
  readonly watchSliceEvents: number;
  /** How often a watch that has nothing to tell says up to which revision that is so. */
  readonly watchProgressMs: number;
}

export const WATCH_DEFAULTS: WatchOptions = Object.freeze({
  watchesMax: 20_000,
  watchEventsMax: 10_000,
  watchBytesMax: 4 * 1024 * 1024,
  watchSliceEvents: 2_000,
  watchProgressMs: 10_000,
});
