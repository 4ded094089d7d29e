/** One run of a scheduled work. */
export interface ScheduledRun {
  /** The time that it is for, which it may be later than. */
  readonly at: Date;
  /** Whether it is later than the grace, or was begun before by a process that did not end it. */
  readonly isLate: boolean;
  /** The fencing token: higher than that of every run before. */
  readonly token: number;
  /** Aborts when another process may begin again, and when the schedule is closed. */
  readonly signal: AbortSignal;
}
